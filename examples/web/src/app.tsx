import { lazy, type ReactNode, Suspense, useEffect, useState } from "react";
import { Link, Navigate, Outlet, Route, Routes, useLocation } from "react-router";
import { Provider } from "urql";

import { makeClient } from "./api/client";
import { signOut, start } from "./api/session";
import { useSession } from "./api/use_session";
import { Account } from "./pages/account/mod";
import { CheckMail } from "./pages/check_mail";
import { Forgot } from "./pages/forgot";
import { ConfirmEmail, Reset, Verify } from "./pages/mailed_link";
import { SignIn } from "./pages/sign_in";
import { SignUp } from "./pages/sign_up";
import { Notice } from "./parts/notice";

// Apollo and Relay are there to be compared; nobody has to load them who does not look.
const Clients = lazy(() => import("./pages/clients"));

export function App() {
  const session = useSession();
  useEffect(() => void start(), []);
  const userId = session.status === "in" ? session.userId : undefined;
  // Another user gets another client, and with it another cache.
  return <House key={userId} known={session.status !== "unknown"} />;
}

function House({ known }: { known: boolean }) {
  const [client] = useState(makeClient);
  return (
    <Provider value={client}>
      <Frame>
        {known ? (
          <Routes>
            <Route element={<SignedIn />}>
              <Route path="/account" element={<Account />} />
              <Route path="/confirm-email" element={<ConfirmEmail />} />
              <Route
                path="/clients"
                element={
                  <Suspense>
                    <Clients />
                  </Suspense>
                }
              />
            </Route>
            <Route element={<SignedOutOnly />}>
              <Route path="/sign-in" element={<SignIn />} />
              <Route path="/sign-up" element={<SignUp />} />
              <Route path="/forgot" element={<Forgot />} />
            </Route>
            <Route path="/check-mail" element={<CheckMail />} />
            <Route path="/verify" element={<Verify />} />
            <Route path="/reset" element={<Reset />} />
            <Route path="*" element={<Navigate to="/account" replace />} />
          </Routes>
        ) : (
          <main className="card">
            <p role="status">One moment…</p>
          </main>
        )}
      </Frame>
    </Provider>
  );
}

/** Sends who is not signed in to the door, and afterwards back to here. */
function SignedIn() {
  const session = useSession();
  const { pathname, search } = useLocation();
  return session.status === "in" ? <Outlet /> : <Navigate to="/sign-in" state={{ from: pathname + search }} replace />;
}

function SignedOutOnly() {
  const session = useSession();
  const from = (useLocation().state as { from?: string } | null)?.from ?? "/account";
  return session.status === "in" ? <Navigate to={from} replace /> : <Outlet />;
}

function Frame({ children }: { children: ReactNode }) {
  const session = useSession();
  const [failed, setFailed] = useState(false);

  async function leave() {
    try {
      setFailed(false);
      await signOut();
    } catch {
      setFailed(true);
    }
  }

  return (
    <>
      <header className="top">
        <Link to="/" className="brand">
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d="M4 21V11a8 8 0 0 1 16 0v10h-5v-9a3 3 0 0 0-6 0v9z" />
          </svg>
          Vestibule
        </Link>
        {session.status === "in" && (
          <nav aria-label="Account">
            <Link to="/clients">Clients</Link>
            <button type="button" className="button quiet" onClick={() => void leave()}>
              Sign out
            </button>
          </nav>
        )}
      </header>
      {failed && <Notice tone="bad">The server could not sign you out: you are still signed in.</Notice>}
      {children}
      <footer>An example application of Vestibule, the front door of a GraphQL application.</footer>
    </>
  );
}
