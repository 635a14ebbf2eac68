// A front end behind Hasura: the remote schema with and without other names, roles, the token and the webhook.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";

import { parse as parseYaml } from "yaml";

import { check, eventually, run, takeArguments } from "./check.mjs";
import { Engine } from "./hasura/engine.mjs";
import { complaints } from "./hasura/permission.mjs";
import { send } from "./hasura/wire.mjs";

const [base, folder] = takeArguments(2, "hasura.mjs BASE FOLDER   (with what `vestibule hasura` printed)");
const text = (name) => readFile(join(folder, name), "utf8");
const settings = async (name) =>
  Object.fromEntries((await text(name)).trim().split("\n").map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
const password = "correct horse battery staple";
const bearer = (session) => ({ Authorization: `Bearer ${session.accessToken}` });

/** How a name is written behind this engine. */
function names(engine) {
  const { root_fields_namespace: namespace, type_names: types, field_names: fields } = engine.entry.definition.customization ?? {};
  const prefix = fields?.[0]?.prefix ?? "";
  return {
    type: (name) => (types?.prefix ?? "") + name,
    /** `field(…)` as it is asked for, with an alias where one is given. */
    field: (name, alias) => `${alias ? `${alias}: ` : ""}${prefix}${name}`,
    within: (selection) => (namespace ? `{ ${namespace} { ${selection} } }` : `{ ${selection} }`),
    of: (answer, key) => (namespace ? answer.body.data?.[namespace] : answer.body.data)?.[alias(prefix, key)],
  };
}
const alias = (prefix, key) => (key.startsWith("=") ? key.slice(1) : prefix + key);

const code = (answer) => answer.body.errors?.[0]?.extensions?.code;
const said = (answer) => JSON.stringify(answer.body).slice(0, 600);

async function mailedCode(email) {
  return eventually(async () => {
    const mails = (await send(`${base}/dev/inbox`, { method: "GET", headers: { accept: "application/json" } })).json();
    return mails.find(({ to }) => to === email)?.code;
  });
}

function walk(title, engine) {
  const { type, field, within, of } = names(engine);
  const told = (what, holds, detail) => check(`${title}: ${what}`, holds, detail);
  const result = `__typename
    ... on ${type("Session")} { accessToken again: accessToken refreshToken user { id email roles } }
    ... on ${type("PendingVerification")} { handle: verificationId purpose }`;
  const mutate = (name, kind, input, more) => engine.ask(
    `mutation Asked($input: ${type(kind)}!) ${within(`${field(name, "answer")}(input: $input) { ${result} }`)}`, { variables: { input }, ...more });

  /** Answers the session of somebody who came in through the engine. */
  async function comesIn(email) {
    const up = await mutate("signUp", "SignUpInput", { email, password });
    const pending = of(up, "=answer");
    told("a sign-up through Hasura waits for its mail", pending?.__typename === type("PendingVerification") && pending.handle, said(up));
    const sent = JSON.parse(engine.sent.at(-1).body);
    told("what is preset is added to the input", JSON.stringify(sent.variables).includes('"tokenTransport":"BODY"'), engine.sent.at(-1).body);
    const proof = { code: { verificationId: pending.handle, code: await mailedCode(email) } };
    const both = await mutate("verifyEmail", "VerifyEmailInput", { proof: { ...proof, ticket: "x" } });
    told("of two proofs none counts, though Hasura knows no oneOf", both.body.errors && !both.body.data, said(both));
    const verified = await mutate("verifyEmail", "VerifyEmailInput", { proof });
    const session = of(verified, "=answer");
    told("the code opens a session, spread on its member and aliased",
      session?.__typename === type("Session") && session.user.email === email && session.again === session.accessToken && session.refreshToken, said(verified));
    return session;
  }

  async function isRead() {
    const { status, headers, text: body } = engine.introspected;
    told("the schema is read without Accept", status === 200 && /^application\/json/.test(headers["content-type"]), `${status} ${headers["content-type"]}`);
    told("there is nothing to subscribe to", JSON.parse(body).data.__schema.subscriptionType === null);
    const shown = await engine.ask("{ __schema { types { name fields { name } inputFields { name } } } }");
    const listed = JSON.stringify(shown.body.data);
    told("who is not signed in is shown no field of administrators or users",
      !/dmin(User|Create)|updateUser|deleteUser|revokeSession/.test(listed) && listed.includes("signIn"), listed.slice(0, 300));
    told("what is preset is not shown", !listed.includes("tokenTransport") && !listed.includes("cookie"));
  }

  async function roles(session) {
    const users = `query ${within(`${field("adminUsers")} { totalCount }`)}`;
    for (const headers of [{}, bearer(session), { "x-vestibule-admin-secret": "an admin secret of the tests" }]) {
      const answer = await engine.ask(users, { headers });
      told("administrators' fields are not there", answer.body.errors && /Cannot query field/.test(answer.body.errors[0].message), said(answer));
    }
    const change = { query: `mutation ${within(`${field("updateUser")}(input: { displayName: "Eve" }) { displayName }`)}` };
    told("nor users' fields for who is not signed in", (await engine.ask(change.query)).body.errors);
    const mine = await engine.ask(change.query, { headers: bearer(session) });
    told("who is signed in changes the own account", of(mine, "updateUser")?.displayName === "Eve", said(mine));
    const before = engine.sent.length;
    const other = await engine.ask(change.query, { headers: { ...bearer(session), "X-Hasura-Role": "admin" } });
    told("a role that the user does not have is refused by Hasura", code(other) === "access-denied" && engine.sent.length === before, said(other));
  }

  async function asking(session) {
    const me = `query Me ${within(`${field("me", "one")} { id __typename } ${field("me", "two")} { email }`)}`;
    const answer = await engine.ask(me, { headers: { ...bearer(session), Accept: "text/html", Origin: "https://app.example.org" } });
    told("aliases of one field are kept apart", of(answer, "=one")?.id === session.user.id && of(answer, "=two")?.email === session.user.email, said(answer));
    told("types are named as Hasura shows them", of(answer, "=one")?.__typename === type("User"));
    const { headers } = engine.sent.at(-1);
    told("Hasura sends its session variables and neither Origin nor Accept",
      headers["x-hasura-user-id"] === session.user.id && !("origin" in headers) && !("accept" in headers), JSON.stringify(headers));
    const claimed = { "X-Hasura-User-Id": session.user.id, "X-Hasura-Role": "user", "X-Hasura-Admin-Secret": "x" };
    const nobody = await engine.ask(me, { headers: claimed });
    const handedOn = engine.sent.at(-1).headers["x-hasura-user-id"] === session.user.id;
    told("what a client without a token says of itself makes it nobody else", handedOn && nobody.body.data && of(nobody, "=one") === null, said(nobody));
  }

  async function fails(session) {
    const wrong = await mutate("signIn", "SignInInput", { login: session.user.email, password: "wrong" });
    told("a failure keeps its code, and there are no data", code(wrong) === "INVALID_CREDENTIALS" && !("data" in wrong.body), said(wrong));
    const raw = engine.sent.at(-1).answer;
    told("with 200, so that Hasura reads it, and nothing beside errors and data",
      raw.status === 200 && Object.keys(raw.json()).every((key) => ["data", "errors"].includes(key)), `${raw.status} ${raw.text}`);
    const forged = await engine.ask(`query ${within(`${field("me")} { id }`)}`, { headers: { Authorization: "Bearer x.y.z" } });
    told("Hasura lets no bad token pass", code(forged) === "invalid-jwt", said(forged));
    const next = await mutate("refreshSession", "RefreshSessionInput", { refreshToken: session.refreshToken });
    told("a refresh without a bearer goes through", of(next, "=answer")?.refreshToken, said(next));
    return of(next, "=answer");
  }

  async function leaves(session) {
    const out = await engine.ask(`mutation ${within(`${field("signOut")} { revokedSessions }`)}`, { headers: bearer(session) });
    told("signing out goes through", of(out, "signOut")?.revokedSessions === 1, said(out));
    const me = await engine.ask(`query ${within(`${field("me")} { id }`)}`, { headers: bearer(session) });
    told("what is revoked is refused here, though Hasura takes the token", code(me) === "UNAUTHENTICATED", said(me));
  }

  return { isRead, comesIn, roles, asking, fails, leaves, told };
}

async function cookies(engine) {
  const input = { login: "ann@example.org", password };
  const { type, field, within, of } = names(engine);
  const asked = `mutation Asked($input: ${type("SignInInput")}!) ${within(`${field("signIn", "answer")}(input: $input) { ... on ${type("Session")} { refreshToken } }`)}`;
  // Without permissions, as Hasura's administrator.
  const answer = await engine.ask(asked, { variables: { input: { ...input, tokenTransport: "COOKIE" } }, secret: true });
  check("a cookie is handed back", answer.cookies.length === 1 && of(answer, "=answer")?.refreshToken === null, said(answer));
  const cookie = answer.cookies[0].split(";")[0];
  const refresh = `mutation ${within(`${field("refreshSession")} { __typename }`)}`;
  const headers = { Cookie: cookie, Origin: "https://app.example.org" };
  const next = await engine.ask(refresh, { headers, secret: true });
  check("and of no use, because Hasura hands on no Origin", code(next) === "ORIGIN_NOT_ALLOWED", said(next));
  const hidden = await engine.ask(asked, { variables: { input: { ...input, tokenTransport: "COOKIE" } } });
  check("so that no role can ask for one", hidden.body.errors && hidden.cookies.length === 0, said(hidden));
}

async function tokens(engine, session) {
  const set = await send(engine.secret.jwk_url, { method: "GET" });
  const age = Number(/max-age=(\d+)/.exec(set.headers["cache-control"])?.[1]);
  check("Hasura learns when to fetch the keys again", age >= 1 && !/no-store|no-cache/.test(set.headers["cache-control"]), set.headers["cache-control"]);
  check("and of each key its name, use and algorithm", set.json().keys.every(({ kid, use, alg }) => kid && use === "sig" && alg));
  const who = await engine.who(bearer(session));
  check("the token says who and as what", who.session?.["x-hasura-user-id"] === session.user.id && who.session["x-hasura-role"] === "user", JSON.stringify(who));
  const me = await engine.who({ ...bearer(session), "x-hasura-role": "me" });
  check("and as what else", me.session?.["x-hasura-role"] === "me");
  const other = new Engine(engine.entry, { ...engine.settings, HASURA_GRAPHQL_JWT_SECRET: JSON.stringify({ ...engine.secret, audience: ["other"] }) });
  check("for another audience it says nothing", (await other.who(bearer(session))).refused);
  return who.session;
}

async function hooks(entry, session, variables) {
  const jwt = await settings("jwt.env");
  const webhook = await settings("webhook.env");
  check("in webhook mode there is no secret", jwt.HASURA_GRAPHQL_JWT_SECRET && !webhook.HASURA_GRAPHQL_JWT_SECRET);
  for (const mode of ["GET", "POST"]) {
    const engine = await new Engine(entry, { ...webhook, HASURA_GRAPHQL_AUTH_HOOK_MODE: mode }).start();
    const { session: told, age } = await engine.who({ ...bearer(session), Origin: "https://app.example.org", "Content-Type": "text/x" });
    check(`${mode}: the webhook says what the token says`, isDeepStrictEqual(told, variables), JSON.stringify([told, variables]));
    check(`${mode}: for so long, and not for longer`, Number(age) >= 1 && Number(age) <= 300, age);
    check(`${mode}: as the role that is asked for`, (await engine.who({ ...bearer(session), "X-Hasura-Role": "me" })).session?.["x-hasura-role"] === "me");
    const refused = async (headers) => code((await engine.who(headers)).refused ?? { body: {} }) === "access-denied";
    check(`${mode}: no other role`, await refused({ ...bearer(session), "X-Hasura-Role": "admin" }));
    check(`${mode}: no bad token`, await refused({ Authorization: "Bearer x.y.z" }));
    const nobody = (await engine.who({ "X-Hasura-User-Id": session.user.id })).session;
    check(`${mode}: without a token, anonymous and nothing else`,
      isDeepStrictEqual(nobody, { "x-hasura-role": "anonymous", "x-hasura-user-is-anonymous": "true" }), JSON.stringify(nobody));
    const me = await engine.ask("{ me { id } }", { headers: bearer(session) });
    check(`${mode}: and the bearer gets through`, me.body.data?.me?.id === session.user.id, said(me));
  }
  return new Engine(entry, webhook).start();
}

await run(async () => {
  const [plain, named, yaml] = [JSON.parse(await text("plain.json")), JSON.parse(await text("named.json")), parseYaml(await text("named.yaml"))];
  const entryOf = ({ args }) => args.metadata.remote_schemas[0];
  check("YAML and JSON say the same", isDeepStrictEqual(yaml, named.args.metadata.remote_schemas));
  const jwt = await settings("jwt.env");
  const engine = await new Engine(entryOf(plain), jwt).start();
  const first = walk("our names", engine);
  await first.isRead();
  const ann = await first.comesIn("ann@example.org");
  await first.roles(ann);
  await first.asking(ann);
  const next = await first.fails(ann);
  const variables = await tokens(engine, next);
  await cookies(engine);
  const hooked = await hooks(entryOf(plain), next, variables);
  await first.leaves(next);
  check("what is revoked is nobody to the webhook", code((await hooked.who(bearer(next))).refused) === "access-denied");

  const second = walk("other names", await new Engine(yaml[0], jwt).start());
  await second.isRead();
  const bob = await second.comesIn("bob@example.org");
  await second.roles(bob);
  await second.asking(bob);
  await second.leaves(await second.fails(bob));

  const sdl = entryOf(plain).permissions[0].definition.schema;
  const wrong = {
    "a directive": sdl.replace("input VerificationProof {", "input VerificationProof @oneOf {"),
    "a definition of a directive": `${sdl}\ndirective @oneOf on INPUT_OBJECT\n`,
    "a field that is not there": sdl.replace("type Query {", "type Query {\n  nobody: User"),
    "another type": sdl.replace("\n  me: User\n", "\n  me: User!\n"),
    "an argument that is missing": sdl.replace("signUp(input: SignUpInput!)", "signUp"),
    "a type that is not there": `${sdl}\ntype Nobody { id: ID! }\n`,
    "no roots": sdl.replace(/^schema [^}]*}/, ""),
  };
  for (const [what, changed] of Object.entries(wrong)) {
    check(`Hasura's check would notice ${what}`, changed !== sdl && complaints(changed, engine.upstream).length > 0);
  }
});
