import { useEffect, useEffectEvent, useState } from "react";
import { Link, useLocation } from "react-router";

import { awaitVerification } from "../api/await_verification";
import { API } from "../api/settings";
import { useRun } from "../api/use_run";
import { ResetPasswordDocument, type SessionPartsFragment, VerifyEmailDocument } from "../generated/graphql";
import { Field, Form, password, text } from "../parts/form";
import { NewPassword } from "../parts/new_password";
import { Page } from "../parts/page";
import { Resend } from "../parts/resend";
import { useResult, type Waiting } from "../parts/use_result";

/** Waits for the answer to a mail: its link opens another page, its code is typed here. */
export function CheckMail() {
  const waiting = useLocation().state as Waiting | null;
  if (waiting === null) {
    return (
      <Page title="No mail is waiting">
        <p>
          <Link to="/sign-in">Sign in</Link> or <Link to="/sign-up">create an account</Link>.
        </p>
      </Page>
    );
  }
  const lead = (
    <>
      If <strong>{waiting.email}</strong> can be used here, a mail is on its way. Follow its link, or enter its code.
    </>
  );
  return (
    <Page title="Check your mail" lead={lead}>
      {waiting.purpose === "PASSWORD_RESET" ? <ResetByCode waiting={waiting} /> : <VerifyByCode waiting={waiting} />}
      <Resend verificationId={waiting.verificationId} resendAt={waiting.resendAt} />
      {import.meta.env.DEV && (
        <p className="hint">
          In development: <a href={new URL("/dev/inbox", API).href}>the server’s inbox</a>
        </p>
      )}
    </Page>
  );
}

function VerifyByCode({ waiting: { verificationId, handoffNumber } }: { waiting: Waiting }) {
  const run = useRun();
  const follow = useResult();
  const [entering, setEntering] = useState(false);
  useHandoff(verificationId, handoffNumber != null && !entering);

  async function send(fields: FormData) {
    setEntering(true);
    const { data, failure } = await run(VerifyEmailDocument, {
      input: { proof: { code: { verificationId, code: text(fields, "code") } }, tokenTransport: "COOKIE" },
    });
    if (failure !== undefined) {
      setEntering(false);
      return failure;
    }
    follow(data.verifyEmail);
  }

  return (
    <>
      {handoffNumber != null && (
        <p className="handoff">
          You open the link on another device? Pick this number there, and you go on here: <strong>{handoffNumber}</strong>
        </p>
      )}
      <Form submit="Continue" send={send}>
        <SixDigits />
      </Form>
    </>
  );
}

/** Signs in here as soon as the number is picked elsewhere; stops when the page goes, or a code is on its way. */
function useHandoff(verificationId: string, waits: boolean) {
  const follow = useResult();
  const take = useEffectEvent((session: SessionPartsFragment) => follow({ __typename: "Session", ...session }));
  useEffect(() => {
    if (!waits) return;
    const stop = new AbortController();
    void awaitVerification(verificationId, stop.signal).then((session) => {
      if (session !== undefined) take(session);
    });
    return () => stop.abort();
  }, [verificationId, waits]);
}

/** The code of a sign-up or of a change of address. */
export function SixDigits() {
  return (
    <Field
      name="code"
      label="Code of six digits"
      className="code"
      inputMode="numeric"
      autoComplete="one-time-code"
      pattern="[0-9 ]{6,7}"
      title="Six digits"
      maxLength={7}
      required
    />
  );
}

function ResetByCode({ waiting: { verificationId } }: { waiting: Waiting }) {
  const run = useRun();
  const follow = useResult();

  async function send(fields: FormData) {
    const { data, failure } = await run(ResetPasswordDocument, {
      input: {
        proof: { code: { verificationId, code: text(fields, "code") } },
        newPassword: password(fields, "newPassword"),
        tokenTransport: "COOKIE",
      },
    });
    if (failure !== undefined) return failure;
    follow(data.resetPassword);
  }

  return (
    <Form submit="Save and sign in" send={send}>
      <Field
        name="code"
        label="Code of ten characters"
        className="code"
        autoComplete="one-time-code"
        autoCapitalize="characters"
        spellCheck={false}
        maxLength={14}
        required
      />
      <NewPassword name="newPassword" label="New password" />
    </Form>
  );
}
