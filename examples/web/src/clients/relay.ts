/** Relay on the same session: one function that fetches. */

import {
  Environment,
  type FetchFunction,
  fetchQuery,
  graphql,
  type GraphQLResponse,
  Network,
  RecordSource,
  Store,
} from "relay-runtime";

import { patientFetch } from "../api/patient_fetch";
import { accessToken, refresh } from "../api/session";
import { API, HEADERS } from "../api/settings";
import type { relayWhoQuery } from "./__generated__/relayWhoQuery.graphql";

interface Refused {
  errors?: readonly { extensions?: { code?: string } }[];
}

/** Posts the operation; refreshes on the one code that asks for it, and posts it again, once. */
const fetchGraphQL: FetchFunction = async ({ text }, variables) => {
  const post = async () => {
    const token = accessToken();
    const response = await patientFetch(API, {
      method: "POST",
      credentials: "include",
      headers: {
        ...HEADERS,
        accept: "application/graphql-response+json, application/json",
        "content-type": "application/json",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ query: text, variables }),
    });
    return (await response.json()) as GraphQLResponse & Refused;
  };
  const answer = await post();
  if (answer.errors?.some(({ extensions }) => extensions?.code === "UNAUTHENTICATED") !== true) return answer;
  await refresh();
  return post();
};

export const makeRelayEnvironment = () =>
  new Environment({ network: Network.create(fetchGraphQL), store: new Store(new RecordSource()) });

export const whoByRelay = (environment: Environment) =>
  fetchQuery<relayWhoQuery>(
    environment,
    graphql`
      query relayWhoQuery {
        me {
          id
          displayName
          email
        }
      }
    `,
    {},
  ).toPromise();
