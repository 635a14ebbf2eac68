// The public suite of audits of GraphQL over HTTP, all of which the API passes in development.

import { serverAudits } from "graphql-http";
import { check, run, takeArguments } from "./check.mjs";

const AUDITS = 61;
const [url] = takeArguments(1, "audit.mjs URL   (e.g. http://127.0.0.1:4000/graphql)");

await run(async () => {
  const audits = serverAudits({ url, fetchFn: fetch });
  let passed = 0;
  for (const audit of audits) {
    const result = await audit.fn().catch((error) => ({ status: "broken off", reason: error.cause ?? error }));
    const ok = result.status === "ok";
    passed += ok ? 1 : 0;
    check(`${audit.id} ${audit.name}`, ok, ok ? undefined : `${result.status}: ${result.reason}`);
  }
  check(`${AUDITS} audits were run`, audits.length === AUDITS, `the suite holds ${audits.length}`);
  console.log(`${passed} of ${audits.length} audits passed`);
});
