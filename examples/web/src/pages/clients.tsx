import { useMemo, useState } from "react";
import { useClient } from "urql";

import { refetchUser } from "../clients/accounts";
import { makeApolloClient } from "../clients/apollo";
import { makeRelayEnvironment, whoByRelay } from "../clients/relay";
import { WhoDocument } from "../generated/graphql";
import { Page } from "../parts/page";

type Who = { displayName: string; email: string } | null | undefined;

/** The same question by three clients: each refreshes by itself, and all of them share one session. */
export default function Clients() {
  const urql = useClient();
  const apollo = useMemo(() => makeApolloClient(), []);
  const relay = useMemo(() => makeRelayEnvironment(), []);
  const [answers, setAnswers] = useState<Record<string, string>>({});

  const clients: Record<string, () => Promise<Who>> = {
    urql: async () => (await urql.query(WhoDocument, {}, { requestPolicy: "network-only" }).toPromise()).data?.me,
    "Apollo Client": async () => (await apollo.query({ query: WhoDocument, fetchPolicy: "network-only" })).data?.me,
    Relay: async () => {
      const me = (await whoByRelay(relay))?.me;
      // Once more by its id, as a component that shows the fragment would.
      if (me != null && (await refetchUser(relay, me.id))?.node == null) throw new Error("node() does not find it");
      return me;
    },
  };

  async function ask() {
    setAnswers({});
    await Promise.all(
      Object.entries(clients).map(async ([name, who]) => {
        const answer = await who().then(
          (me) => (me == null ? "nobody is signed in" : `${me.displayName} · ${me.email}`),
          () => "no answer",
        );
        setAnswers((before) => ({ ...before, [name]: answer }));
      }),
    );
  }

  return (
    <Page title="Three clients, one session" lead="urql, Apollo Client and Relay ask who is signed in.">
      <dl className="clients" aria-live="polite">
        {Object.keys(clients).map((name) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{answers[name] ?? "–"}</dd>
          </div>
        ))}
      </dl>
      <div className="actions">
        <button type="button" className="button" onClick={() => void ask()}>
          Ask with each
        </button>
      </div>
    </Page>
  );
}
