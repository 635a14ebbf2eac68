/** One request without a client: for what happens before and beneath a client, the refresh above all. */

import { stringifyDocument, type TypedDocumentNode } from "@urql/core";

import { patientFetch } from "./patient_fetch";
import { API, HEADERS } from "./settings";

export interface Refusal {
  message: string;
  extensions?: { code?: string; reason?: string; retryAfter?: number } & Record<string, unknown>;
}

export interface Answer<Data> {
  data?: Data | null;
  errors?: readonly Refusal[];
}

interface Options {
  bearer?: string | undefined;
  /** Ends the request. */
  signal?: AbortSignal;
  fetch?: typeof fetch;
}

/**
 * Posts the document with the cookie, and with the bearer if one is given.
 *
 * @throws where no answer comes: no network, no server, or an origin that the application does not list.
 */
export async function ask<Data, Variables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  { bearer, signal, fetch = patientFetch }: Options = {},
): Promise<Answer<Data>> {
  const response = await fetch(API, {
    ...(signal === undefined ? {} : { signal }),
    method: "POST",
    credentials: "include",
    headers: {
      ...HEADERS,
      accept: "application/graphql-response+json, application/json",
      "content-type": "application/json",
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
    },
    body: JSON.stringify({ query: stringifyDocument(document), variables }),
  });
  return (await response.json()) as Answer<Data>;
}
