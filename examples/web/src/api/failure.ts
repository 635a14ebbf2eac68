/** What went wrong, as a sentence for the reader and as notes beside the fields. */

import type { CombinedError } from "urql";

import type { ErrorCode } from "../generated/graphql";

export interface Issue {
  path: string;
  message: string;
}

export interface Failure {
  code: ErrorCode | "UNREACHABLE";
  sentence: string;
  issues: readonly Issue[];
}

/** One sentence a code. A code that the schema gains is an error of the compiler here. */
const SENTENCES: Record<ErrorCode | "UNREACHABLE", string> = {
  UNREACHABLE: "The server could not be reached. Check your connection and try again.",
  UNAUTHENTICATED: "Your session has ended. Please sign in again.",
  FORBIDDEN: "You are not allowed to do this.",
  INVALID_INPUT: "Please check the marked fields.",
  WEAK_PASSWORD: "Please choose another password.",
  EMAIL_TAKEN: "There is an account with this address already.",
  USERNAME_TAKEN: "This username is taken. Please choose another one.",
  INVALID_CREDENTIALS: "The address or the password is not right.",
  ACCOUNT_DISABLED: "This account is disabled. Please ask for help.",
  INVALID_TICKET: "This link is no longer good. Please ask for another one.",
  INVALID_CODE: "This code is not right, or no longer good.",
  INVALID_REFRESH_TOKEN: "Your session has ended. Please sign in again.",
  SIGN_UP_DISABLED: "New accounts cannot be made at the moment.",
  REDIRECT_NOT_ALLOWED: "This page is not registered with the server (redirect address).",
  ORIGIN_NOT_ALLOWED: "This page is not registered with the server (origin).",
  RATE_LIMITED: "Too many attempts.",
  OVERLOADED: "The server is busy.",
  NOT_FOUND: "This is no longer there.",
  ALREADY_EXISTS: "This exists already.",
  GRAPHQL_PARSE_FAILED: "Something went wrong. Please reload the page.",
  GRAPHQL_VALIDATION_FAILED: "Something went wrong. Please reload the page.",
  QUERY_TOO_COMPLEX: "Something went wrong. Please reload the page.",
  BAD_REQUEST: "Something went wrong. Please reload the page.",
  INTERNAL: "Something went wrong on our side. Please try again later.",
};

const isCode = (code: unknown): code is ErrorCode => typeof code === "string" && Object.hasOwn(SENTENCES, code);

/** Reads the first refusal of an answer; where there is none, nobody answered. */
export function failureOf(error: CombinedError | undefined): Failure {
  const extensions = error?.graphQLErrors[0]?.extensions;
  if (extensions === undefined) return { code: "UNREACHABLE", sentence: SENTENCES.UNREACHABLE, issues: [] };
  const code = isCode(extensions.code) ? extensions.code : "INTERNAL";
  const wait = extensions.retryAfter;
  const sentence = typeof wait === "number" ? `${SENTENCES[code]} Try again ${inTime(wait)}.` : SENTENCES[code];
  const issues = Array.isArray(extensions.issues) ? (extensions.issues as Issue[]) : [];
  return { code, sentence, issues };
}

/** "in 40 seconds", "in 5 minutes". */
function inTime(seconds: number): string {
  const format = new Intl.RelativeTimeFormat("en");
  return seconds < 90 ? format.format(seconds, "second") : format.format(Math.ceil(seconds / 60), "minute");
}
