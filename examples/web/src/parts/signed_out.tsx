import type { Session } from "../api/session";
import { API } from "../api/settings";
import { Notice } from "./notice";

/** Why nobody is signed in, where that is worth a word. */
export function SignedOut({ session }: { session: Session }) {
  if (session.status !== "out") return null;
  switch (session.why) {
    case "signed-out":
      return <Notice tone="good">You are signed out.</Notice>;
    case "deleted":
      return <Notice tone="good">Your account is deleted.</Notice>;
    case "ended":
      return <Notice tone="plain">Your session has ended. Please sign in again.</Notice>;
    case "unreachable":
      return (
        <Notice tone="bad">
          {new URL(API).host} does not answer this page. Is the server running, and does its application list the origin{" "}
          {location.origin}?
        </Notice>
      );
    case undefined:
      return null;
  }
}
