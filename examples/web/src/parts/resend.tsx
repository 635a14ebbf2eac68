import { useEffect, useState } from "react";

import type { Failure } from "../api/failure";
import { useRun } from "../api/use_run";
import { ResendVerificationDocument } from "../generated/graphql";
import { Notice } from "./notice";

/** Asks for another mail, from `resendAt` on. */
export function Resend({ verificationId, resendAt }: { verificationId: string; resendAt: string }) {
  const run = useRun();
  const [next, setNext] = useState(resendAt);
  const [now, setNow] = useState(Date.now);
  const [told, setTold] = useState<Failure | "sent">();
  const wait = Math.max(0, Math.ceil((Date.parse(next) - now) / 1000));

  useEffect(() => {
    if (wait === 0) return;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [wait]);

  async function again() {
    if (wait > 0) return;
    const { data, failure } = await run(ResendVerificationDocument, { input: { verificationId } });
    if (data?.resendVerification.__typename === "PendingVerification") {
      setNext(data.resendVerification.resendAt);
      setNow(Date.now());
    }
    setTold(failure ?? "sent");
  }

  return (
    <div className="resend">
      <button type="button" className="link" aria-disabled={wait > 0} onClick={() => void again()}>
        Send another mail{wait > 0 && ` (in ${Math.floor(wait / 60)}:${String(wait % 60).padStart(2, "0")})`}
      </button>
      {told === "sent" && <Notice tone="good">Another mail is on its way. The code of the one before is void.</Notice>}
      {told !== undefined && told !== "sent" && <Notice tone="bad">{told.sentence}</Notice>}
    </div>
  );
}
