/** Waits until the mail is answered on another device. */

import { AwaitVerificationDocument, type SessionPartsFragment } from "../generated/graphql";
import { ask } from "./ask";
import { fetchWithin } from "./patient_fetch";

/** Milliseconds: longer than the server lets anybody wait. */
const PATIENCE = 40_000;
/** Seconds between an answer and the next question. */
const PAUSE = 1;
/** Seconds, where nobody answered. */
const UNREACHABLE = 5;

/**
 * Asks until the answer to the mail is handed over. Ends without a session where the signal says that nobody waits any more,
 * or where asking again is of no use.
 */
export async function awaitVerification(
  verificationId: string,
  signal: AbortSignal,
): Promise<SessionPartsFragment | undefined> {
  const variables = { input: { verificationId, tokenTransport: "COOKIE" as const } };
  while (!signal.aborted) {
    let pause = PAUSE;
    try {
      const options = { signal, fetch: fetchWithin(PATIENCE) };
      const { data, errors } = await ask(AwaitVerificationDocument, variables, options);
      if (data?.awaitVerification.__typename === "Session") return data.awaitVerification;
      const refusal = errors?.[0]?.extensions;
      if (refusal !== undefined) {
        // Anything but a crowd: the code that is typed here tells what is wrong.
        if (refusal.retryAfter === undefined) return undefined;
        pause = refusal.retryAfter;
      }
    } catch {
      pause = UNREACHABLE;
    }
    await sleep(pause, signal);
  }
  return undefined;
}

const sleep = (seconds: number, signal: AbortSignal): Promise<void> =>
  new Promise((wake) => {
    const timer = setTimeout(wake, seconds * 1000);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      wake();
    });
  });
