// For the server's own schema, and the documents that its tests run. Used from the root of the repository, because
// ESLint looks at nothing above the folder that it is started in: see `npm run lint`.

import graphql from "@graphql-eslint/eslint-plugin";
import { defineConfig } from "eslint/config";

const schema = "schema.graphql";
const documents = "tests/api/queries/*.graphql";
const plugins = { "@graphql-eslint": { rules: graphql.rules } };
const languageOptions = { parser: graphql.parser, parserOptions: { graphQLConfig: { schema, documents } } };

export default defineConfig([
  {
    files: [schema],
    languageOptions,
    plugins,
    rules: {
      ...graphql.configs["flat/schema-recommended"].rules,
      ...graphql.configs["flat/schema-relay"].rules,
      // Lists of texts are no pages of a list.
      "@graphql-eslint/relay-edge-types": [
        "error",
        { withEdgeSuffix: true, shouldImplementNode: true, listTypeCanWrapOnlyEdgeType: false },
      ],
      // Rules, payloads and pages are no entities. A session has no `id` on purpose: caches would store its tokens.
      "@graphql-eslint/strict-id-in-types": "off",
      // `Session.sessionId` and `User.username` are what they are called elsewhere.
      "@graphql-eslint/no-typename-prefix": "off",
      // The engine declares `@specifiedBy`, though no scalar of ours uses it.
      "@graphql-eslint/no-unreachable-types": "off",
    },
  },
  {
    files: [documents],
    languageOptions,
    plugins,
    rules: {
      ...graphql.configs["flat/operations-recommended"].rules,
      // They are examples of a page of a list, not of an entity for a cache.
      "@graphql-eslint/require-selections": "off",
    },
  },
]);
