/** What Relay makes of `node(id:)` and of the pages of a list: fragments that can be asked for again by themselves. */

import { type Environment, fetchQuery, graphql } from "relay-runtime";

import ACCOUNTS_USER_QUERY, { type accountsUserQuery } from "./__generated__/accountsUserQuery.graphql";

/** One account; its refetch asks `node` for it by its id. */
export const USER = graphql`
  fragment accounts_user on User @refetchable(queryName: "accountsUserQuery") {
    displayName
    email
    sessions {
      id
      current
    }
  }
`;

/** Every account, page by page; administrators only. */
export const USERS = graphql`
  fragment accounts_users on Query
  @argumentDefinitions(count: { type: "Int", defaultValue: 20 }, cursor: { type: "String" })
  @refetchable(queryName: "accountsUsersQuery") {
    adminUsers(first: $count, after: $cursor) @connection(key: "accounts_adminUsers") {
      edges {
        node {
          id
          ...accounts_user
        }
      }
    }
  }
`;

/** Asks for one account again, with the query that the compiler made of the fragment. */
export const refetchUser = (environment: Environment, id: string) =>
  fetchQuery<accountsUserQuery>(environment, ACCOUNTS_USER_QUERY, { id }).toPromise();
