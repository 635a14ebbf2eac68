// A text is YAML: the package that reads Hasura's metadata reads it without a complaint.

import { parseDocument } from "yaml";

import { check, run, takeArguments } from "./check.mjs";

const [text] = takeArguments(1, "yaml.mjs TEXT");

await run(async () => {
  const { errors, warnings } = parseDocument(text);
  const found = [...errors, ...warnings].map(({ message }) => message);
  check("the text is YAML", found.length === 0, found.join("\n        "));
});
