import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** Puts the compiled artifact in the place of each of Relay's documents, as its plugin for Babel does. */
const relay: Plugin = {
  name: "relay-documents",
  enforce: "pre",
  transform: {
    filter: { code: "graphql`" },
    handler(code) {
      const imports = new Set<string>();
      const compiled = code.replace(/\bgraphql`\s*(?:query|mutation|fragment)\s+(\w+)[^`]*`/g, (_, name: string) => {
        imports.add(`import ${name}$artifact from "./__generated__/${name}.graphql";`);
        return `${name}$artifact`;
      });
      return { code: [...imports, compiled].join("\n"), map: null };
    },
  },
};

export default defineConfig({
  plugins: [relay, react()],
  // The origin that the README lists; another one would not get the cookie.
  server: { host: "localhost", port: 5173, strictPort: true },
});
