import type { CodegenConfig } from "@graphql-codegen/cli";

/** Types and documents, made from the schema that the server prints and the operations in `src/documents`. */
const config: CodegenConfig = {
  schema: "../../schema.graphql",
  documents: "src/documents/*.graphql",
  generates: {
    "src/generated/": {
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: {
        strictScalars: true,
        scalars: { DateTime: "string", JSON: "unknown" },
        enumsAsTypes: true,
        useTypeImports: true,
      },
    },
  },
};

export default config;
