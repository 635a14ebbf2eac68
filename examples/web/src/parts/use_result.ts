import { useNavigate } from "react-router";

import { adopt } from "../api/session";
import type { PendingPartsFragment, ResultPartsFragment } from "../generated/graphql";

/** What the page `/check-mail` is told; it outlives a reload in the browser's history. */
export type Waiting = Pick<
  PendingPartsFragment,
  "verificationId" | "purpose" | "email" | "resendAt" | "handoffNumber"
>;

/** Goes where the answer of a mutation leads: the one place that knows both. */
export function useResult() {
  const navigate = useNavigate();
  return (result: ResultPartsFragment, from = "/account"): void => {
    if (result.__typename === "Session") {
      adopt(result);
      void navigate(from, { replace: true });
    } else {
      const { verificationId, purpose, email, resendAt, handoffNumber } = result;
      const state: Waiting = { verificationId, purpose, email, resendAt, handoffNumber };
      void navigate("/check-mail", { state });
    }
  };
}
