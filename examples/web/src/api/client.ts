/** urql, with `@urql/exchange-auth` for the access token: about all that an application has to write. */

import { authExchange } from "@urql/exchange-auth";
import { cacheExchange, Client, type CombinedError, fetchExchange } from "urql";

import { patientFetch } from "./patient_fetch";
import * as session from "./session";
import { API, HEADERS } from "./settings";

/** `UNAUTHENTICATED` is the only code on which to refresh. */
const isUnauthenticated = (error: CombinedError) =>
  error.graphQLErrors.some(({ extensions }) => extensions.code === "UNAUTHENTICATED");

/** A client for one user, or for nobody: its cache must not outlive the session. */
export const makeClient = () =>
  new Client({
    url: API,
    fetch: patientFetch,
    preferGetMethod: false,
    fetchOptions: { credentials: "include", headers: HEADERS },
    exchanges: [
      cacheExchange,
      authExchange((utils) =>
        Promise.resolve({
          addAuthToOperation(operation) {
            const token = session.accessToken();
            return token === undefined
              ? operation
              : utils.appendHeaders(operation, { authorization: `Bearer ${token}` });
          },
          willAuthError: session.isStale,
          didAuthError: isUnauthenticated,
          refreshAuth: session.refresh,
        }),
      ),
      fetchExchange,
    ],
  });
