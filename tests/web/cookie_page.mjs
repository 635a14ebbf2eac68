// A page of another origin keeps its session in a cookie; a page that no application lists gets nothing.

import { createServer } from "node:http";

import { check, run, takeArguments } from "./check.mjs";
import { withPage } from "./chromium.mjs";

const [base, port, login, password] = takeArguments(4, "cookie_page.mjs BASE PORT LOGIN PASSWORD");

/** A web server with one empty page. */
async function serve(at) {
  const server = createServer((_, response) => {
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end("<!doctype html><html lang=en><title>An application</title><link rel=icon href=data:,><p>Hello.");
  });
  await new Promise((listening) => server.listen(at, "127.0.0.1", listening));
  return { server, origin: `http://127.0.0.1:${server.address().port}` };
}

/** Asks the house from within the page, as an application does. */
function ask(page, query, variables, type = "application/json") {
  const request = { address: `${base}/graphql`, type, body: JSON.stringify({ query, variables }) };
  return page.evaluate(async ({ address, type, body }) => {
    try {
      const headers = { "content-type": type };
      const answer = await fetch(address, { method: "POST", credentials: "include", headers, body });
      return await answer.json();
    } catch (error) {
      return { blocked: String(error) };
    }
  }, request);
}

const SESSION = "... on Session { accessToken refreshToken cookie { name path domain maxAge } user { email } }";
const SIGN_IN = `mutation($input: SignInInput!) { signIn(input: $input) { __typename ${SESSION} } }`;
const REFRESH = `mutation { refreshSession { __typename ${SESSION} } }`;
const SIGN_OUT = "mutation { signOut { revokedSessions } }";
const code = (answer) => answer.errors?.[0]?.extensions?.code;

run(async () => {
  const application = await serve(Number(port));
  const stranger = await serve(0);
  try {
    await withPage(application.origin, async ({ page, problems }) => {
      await page.goto(application.origin);
      const input = { login, password, tokenTransport: "COOKIE" };
      const session = (await ask(page, SIGN_IN, { input })).data?.signIn;
      check("a page of a listed origin signs in", session?.user?.email === login, JSON.stringify(session));
      check("its refresh token is in no answer", session?.refreshToken === null && session?.cookie?.path === "/");
      check("no script of the page sees the cookie", (await page.evaluate(() => document.cookie)) === "");
      const [kept] = await page.context().cookies(base);
      const careful = kept?.httpOnly && kept.sameSite === "Strict" && kept.name === session.cookie.name;
      check("the browser keeps it for the house alone", careful, JSON.stringify(kept));

      await page.reload();
      const again = (await ask(page, REFRESH)).data?.refreshSession;
      check("after a reload the cookie brings the session back", again?.user?.email === login, JSON.stringify(again));
      const [next] = await page.context().cookies(base);
      check("and was exchanged for the next one", next.value !== kept.value);
      check("nothing went wrong on the page", problems.length === 0, problems.join("\n"));

      await page.goto(stranger.origin);
      for (const type of ["application/json", "text/plain"]) {
        const stolen = await ask(page, REFRESH, undefined, type);
        check(`a stranger's page gets nothing by ${type}`, stolen.blocked !== undefined, JSON.stringify(stolen));
      }
      const [same] = await page.context().cookies(base);
      check("and spends nothing", same.value === next.value);

      await page.goto(application.origin);
      check("the listed page goes on", (await ask(page, REFRESH)).data?.refreshSession?.user?.email === login);
      const out = await ask(page, SIGN_OUT);
      check("it signs out", out.data?.signOut?.revokedSessions === 1, JSON.stringify(out));
      check("the browser forgets the cookie", (await page.context().cookies(base)).length === 0);
      check("and no session comes back", code(await ask(page, REFRESH)) === "INVALID_INPUT");
    }, { friends: [base, stranger.origin] });
  } finally {
    application.server.close();
    stranger.server.close();
  }
});
