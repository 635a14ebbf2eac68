// What clients of the previous release rely on is still there: the public inspector finds no breaking change.

import { readFile } from "node:fs/promises";

import { CriticalityLevel, diff } from "@graphql-inspector/core";
import { buildSchema } from "graphql";

import { check, run, takeArguments } from "./check.mjs";

const [kept, current] = takeArguments(2, "schema.mjs SCHEMA_OF_THE_PREVIOUS_RELEASE SCHEMA");

async function breaking(before, after) {
  const changes = await diff(buildSchema(before), buildSchema(after));
  return changes.filter(({ criticality }) => criticality.level === CriticalityLevel.Breaking).map(({ message }) => message);
}

await run(async () => {
  const [before, after] = await Promise.all([kept, current].map((path) => readFile(path, "utf8")));
  const found = await breaking(before, after);
  check("no change breaks a client of the previous release", found.length === 0, found.join("\n        "));
  const missed = await breaking(before, before.replace(/^\tsignIn\(/m, "\tlogIn("));
  check("a mutation that goes would be noticed", missed.length === 1 && /signIn/.test(missed[0]), missed.join(", "));
});
