import { useState } from "react";

import type { Failure } from "../../api/failure";
import { useRun } from "../../api/use_run";
import { type AccountQuery, RevokeSessionDocument, SignOutDocument } from "../../generated/graphql";
import { Notice } from "../../parts/notice";
import { deviceOf } from "./device";

type Sessions = NonNullable<AccountQuery["me"]>["sessions"];

const when = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export function Sessions({ sessions, changed }: { sessions: Sessions; changed: () => void }) {
  const run = useRun();
  const [told, setTold] = useState<Failure | string>();

  async function revoke(sessionId: string, device: string) {
    const { failure } = await run(RevokeSessionDocument, { input: { sessionId } });
    setTold(failure ?? `${device} is signed out.`);
    changed();
  }

  async function revokeOthers() {
    const { failure } = await run(SignOutDocument, { input: { scope: "OTHERS" } });
    setTold(failure ?? "Every other session has ended.");
    changed();
  }

  return (
    <>
      <ul className="sessions">
        {sessions.map(({ id, current, userAgent, ipAddress, createdAt, lastUsedAt }) => {
          const device = deviceOf(userAgent ?? "");
          return (
            <li key={id}>
              <div>
                <p>
                  <strong>{device}</strong> {current && <span className="badge">This device</span>}
                </p>
                <p className="hint">
                  {ipAddress} · since <time dateTime={createdAt}>{when.format(new Date(createdAt))}</time> · last used{" "}
                  <time dateTime={lastUsedAt}>{when.format(new Date(lastUsedAt))}</time>
                </p>
              </div>
              {!current && (
                <button type="button" className="button quiet" onClick={() => void revoke(id, device)}>
                  Sign out<span className="hidden"> {device}</span>
                </button>
              )}
            </li>
          );
        })}
      </ul>
      {told !== undefined && (
        <Notice tone={typeof told === "string" ? "good" : "bad"}>
          {typeof told === "string" ? told : told.sentence}
        </Notice>
      )}
      {sessions.length > 2 && (
        <div className="actions">
          <button type="button" className="button quiet" onClick={() => void revokeOthers()}>
            Sign out everywhere else
          </button>
        </div>
      )}
    </>
  );
}
