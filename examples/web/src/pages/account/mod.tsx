import type { ReactNode } from "react";
import { useQuery } from "urql";

import { AccountDocument } from "../../generated/graphql";
import { failureOf } from "../../api/failure";
import { Notice } from "../../parts/notice";
import { Heading } from "../../parts/page";
import { DeleteAccount } from "./delete";
import { Email } from "./email";
import { Password } from "./password";
import { Profile } from "./profile";
import { Sessions } from "./sessions";

export function Account() {
  const [{ data, error, fetching }, ask] = useQuery({ query: AccountDocument });
  const me = data?.me;
  if (me == null) {
    return (
      <main className="card">
        <Heading title="Your account" />
        {error === undefined ? (
          <p role="status">{fetching ? "One moment…" : ""}</p>
        ) : (
          <>
            <Notice tone="bad">{failureOf(error).sentence}</Notice>
            <div className="actions">
              <button type="button" className="button" onClick={() => ask({ requestPolicy: "network-only" })}>
                Try again
              </button>
            </div>
          </>
        )}
      </main>
    );
  }
  return (
    <main className="account">
      <header>
        <span className="face" aria-hidden="true">
          {Array.from(me.displayName)[0]?.toUpperCase()}
        </span>
        <div>
          <Heading title="Your account" />
          <p className="lead">
            {me.displayName} · {me.email}
          </p>
        </div>
      </header>
      <Section title="Profile" lead="What we call you, and in which language we write.">
        <Profile me={me} />
      </Section>
      <Section title="E-mail address" lead="Nothing changes before you answer the mail at the new address.">
        <Email email={me.email} />
      </Section>
      <Section title="Password" lead="Changing it signs you out everywhere else.">
        <Password me={me} />
      </Section>
      <Section title="Where you are signed in" lead="Sign out what you do not know, and change your password.">
        <Sessions sessions={me.sessions} changed={() => ask({ requestPolicy: "network-only" })} />
      </Section>
      <Section title="Delete account" lead="Everything we know of you goes, at once and for good.">
        <DeleteAccount />
      </Section>
    </main>
  );
}

function Section({ title, lead, children }: { title: string; lead: string; children: ReactNode }) {
  const id = title.toLowerCase().replaceAll(" ", "-");
  return (
    <section aria-labelledby={id}>
      <div className="about">
        <h2 id={id}>{title}</h2>
        <p>{lead}</p>
      </div>
      <div className="panel">{children}</div>
    </section>
  );
}
