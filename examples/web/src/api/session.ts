/**
 * Who is signed in. The refresh token rests in a cookie that no script can read; the access token rests in the memory of
 * this module, and in no storage. Nothing here knows React or a GraphQL client: `useSession`, urql, Apollo and Relay all
 * stand on it.
 */

import { RefreshSessionDocument, type SessionPartsFragment, SignOutDocument } from "../generated/graphql";
import { ask } from "./ask";

export type Session =
  | { status: "unknown" }
  | { status: "in"; userId: string }
  | { status: "out"; why?: "signed-out" | "ended" | "deleted" | "unreachable" };

interface Held {
  accessToken: string;
  userId: string;
  /** By this machine's clock, in milliseconds. */
  freshUntil: number;
}

type Told = { kind: "held"; held: Held } | { kind: "out" };

/** A token is exchanged this many milliseconds before its end, so that it does not end on its way. */
const MARGIN = 5_000;
/** One refresh at a time in all tabs of this origin: each presents the successor of the one before. */
const LOCK = "vestibule-refresh";

let held: Held | undefined;
let session: Session = { status: "unknown" };
let running: Promise<void> | undefined;
let alone = false;
const listeners = new Set<() => void>();
/** Tabs of one browser share one cookie, and so one session: what one learns, it tells the others. */
const tabs = new BroadcastChannel("vestibule-session");

tabs.onmessage = ({ data }: MessageEvent<Told>) => {
  if (data.kind === "held") {
    hold(data.held);
  } else if (session.status !== "out") {
    release("ended");
  }
};

export const current = (): Session => session;

export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const accessToken = (): string | undefined => held?.accessToken;

/** Whether a request would better refresh first. The server has the last word: `UNAUTHENTICATED`. */
export const isStale = (): boolean => held !== undefined && held.freshUntil <= Date.now();

/** Takes the session of a mutation's answer, and tells the other tabs. */
export function adopt(parts: SessionPartsFragment): void {
  const freshUntil = Date.now() + parts.expiresIn * 1000 - MARGIN;
  const next = { accessToken: parts.accessToken, userId: parts.user.id, freshUntil };
  hold(next);
  tell({ kind: "held", held: next });
}

/** Forgets the session here and in the other tabs; the server is told by {@link signOut}. */
export function end(why: "signed-out" | "ended" | "deleted"): void {
  release(why);
  tell({ kind: "out" });
}

/**
 * Keeps every tab from refreshing while `work` replaces the cookie by other means: a refresh with the cookie before it
 * would be refused, and take the new one away.
 */
export const exclusively = <T>(work: () => Promise<T>): Promise<T> =>
  navigator.locks.request(LOCK, async () => {
    alone = true;
    try {
      return await work();
    } finally {
      alone = false;
    }
  });

/**
 * Exchanges the cookie for a fresh access token. Callers at the same time share one exchange, and a tab that waited for
 * another one's takes what that one got. A refusal ends the session.
 *
 * @throws where no answer comes; the session is kept.
 */
export function refresh(): Promise<void> {
  if (alone) return exchange();
  const stale = held?.accessToken;
  running ??= navigator.locks
    .request(LOCK, async () => {
      if (held !== undefined && held.accessToken !== stale && !isStale()) return;
      await exchange();
    })
    .finally(() => {
      running = undefined;
    });
  return running;
}

/** Brings the session back after the page was loaded. */
export async function start(): Promise<void> {
  try {
    await refresh();
  } catch {
    if (session.status === "unknown") release("unreachable");
  }
}

/**
 * Ends the session on the server, which clears the cookie, and in every tab.
 *
 * @throws where the server did not end it; the session is kept. No script can delete the cookie, and the next reload would sign
 * in again.
 */
export async function signOut(): Promise<void> {
  const { data, errors } = await ask(SignOutDocument, { input: { scope: "CURRENT" } }, { bearer: held?.accessToken });
  // Where nobody is signed in, there is nothing to end.
  const done = data?.signOut != null || errors?.[0]?.extensions?.code === "UNAUTHENTICATED";
  if (!done) throw new Error(errors?.[0]?.message ?? "No answer of the server's.");
  end("signed-out");
}

async function exchange(): Promise<void> {
  const { data, errors } = await ask(RefreshSessionDocument, {});
  const result = data?.refreshSession;
  if (result?.__typename === "Session") {
    adopt(result);
    return;
  }
  switch (errors?.[0]?.extensions?.code) {
    // A cookie that is good no longer, or none.
    case "INVALID_REFRESH_TOKEN":
    case "INVALID_INPUT":
      if (held === undefined) release();
      else end("ended");
      return;
    default:
      // The server has no time, or a proxy speaks in its place: neither says anything of the session.
      throw new Error(errors?.[0]?.message ?? "No answer of the server's.");
  }
}

function hold(next: Held): void {
  held = next;
  if (session.status !== "in" || session.userId !== next.userId) change({ status: "in", userId: next.userId });
}

function release(why?: "signed-out" | "ended" | "deleted" | "unreachable"): void {
  held = undefined;
  change(why === undefined ? { status: "out" } : { status: "out", why });
}

function change(next: Session): void {
  session = next;
  for (const listener of listeners) listener();
}

function tell(told: Told): void {
  tabs.postMessage(told);
}
