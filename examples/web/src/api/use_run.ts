import type { TypedDocumentNode } from "@urql/core";
import { type AnyVariables, useClient } from "urql";

import { type Failure, failureOf } from "./failure";

export type Outcome<Data> = { data: Data; failure?: never } | { data?: never; failure: Failure };

/** Runs a mutation and answers either its data or what went wrong: every form ends in one of the two. */
export function useRun() {
  const client = useClient();
  return async <Data, Variables extends AnyVariables>(
    document: TypedDocumentNode<Data, Variables>,
    variables: Variables,
  ): Promise<Outcome<Data>> => {
    const { data, error } = await client.mutation(document, variables);
    return data === undefined || error !== undefined ? { failure: failureOf(error) } : { data };
  };
}
