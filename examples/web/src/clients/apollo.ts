/** Apollo Client on the same session: two links beside the one for HTTP. */

import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache } from "@apollo/client";
import { SetContextLink } from "@apollo/client/link/context";
import { ErrorLink } from "@apollo/client/link/error";
import { from, mergeMap } from "rxjs";

import { patientFetch } from "../api/patient_fetch";
import { accessToken, refresh } from "../api/session";
import { API, HEADERS } from "../api/settings";

/** Refreshes on the one code that asks for it, and sends the operation again, once: below it comes the fresh token. */
const renew = new ErrorLink(({ error, operation, forward }) => {
  const isUnauthenticated =
    CombinedGraphQLErrors.is(error) && error.errors.some(({ extensions }) => extensions?.code === "UNAUTHENTICATED");
  return isUnauthenticated ? from(refresh()).pipe(mergeMap(() => forward(operation))) : undefined;
});

const authenticate = new SetContextLink(() => {
  const token = accessToken();
  return token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } };
});

const http = new HttpLink({ uri: API, fetch: patientFetch, credentials: "include", headers: HEADERS });

/** A client for one user; make another one, or clear its store, when the user changes. */
export const makeApolloClient = () =>
  new ApolloClient({
    link: ApolloLink.from([renew, authenticate, http]),
    // A session has no `id`, so that no token is kept in the cache under a name of its own.
    cache: new InMemoryCache({ possibleTypes: { SessionResult: ["Session", "PendingVerification"] } }),
  });
