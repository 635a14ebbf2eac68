// For the example itself; the server's schema has `eslint.schema.config.js`.

import graphql from "@graphql-eslint/eslint-plugin";
import reactHooks from "eslint-plugin-react-hooks";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

const schema = "../../schema.graphql";

export default defineConfig([
  globalIgnores(["dist", "src/generated", "**/__generated__"]),
  {
    files: ["**/*.{ts,tsx}"],
    extends: [tseslint.configs.strictTypeChecked, reactHooks.configs.flat["recommended-latest"]],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      // A callback of one line may answer what nobody asks for.
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
    },
  },
  {
    files: ["src/documents/*.graphql"],
    languageOptions: {
      parser: graphql.parser,
      parserOptions: { graphQLConfig: { schema, documents: "src/documents/*.graphql" } },
    },
    plugins: { "@graphql-eslint": { rules: graphql.rules } },
    rules: {
      ...graphql.configs["flat/operations-recommended"].rules,
      "@graphql-eslint/no-anonymous-operations": "error",
      "@graphql-eslint/no-duplicate-fields": "error",
    },
  },
]);
