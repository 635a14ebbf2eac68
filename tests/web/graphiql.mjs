// Walks GraphiQL's ready tabs as a newcomer would: sign up, read the code in the inbox, verify, sign in, `me`.

import { check, eventually, run, takeArguments } from "./check.mjs";
import { withPage } from "./chromium.mjs";

const [address, screenshots] = takeArguments(1, "graphiql.mjs BASE [screenshot-dir]   (e.g. http://127.0.0.1:4000)");
const base = address.replace(/\/$/, "");
const email = `ann-${Date.now().toString(36)}@example.com`;
const password = "correct horse battery";

async function code() {
  const mail = await eventually(async () => {
    const answer = await fetch(`${base}/dev/inbox`, { headers: { accept: "application/json" } });
    const mails = await answer.json();
    return mails.find((one) => JSON.stringify(one.to).includes(email));
  });
  check("the mail lies in the inbox", mail, `none to ${email}`);
  return mail?.code;
}

/** The page's parts by what a visitor sees of them. */
function graphiql(page) {
  const pane = page.locator(".graphiql-editor-tool .CodeMirror").locator("visible=true");
  const content = (editor) => editor.evaluate((element) => element.CodeMirror.getValue());
  const query = page.locator(".graphiql-query-editor .CodeMirror");
  const result = page.locator(".result-window .CodeMirror");
  return {
    query,
    /** The text of the pane below the query: the variables or the headers, whichever `show` chose last. */
    pane: () => content(pane),
    tabs: () => page.getByRole("tab").allInnerTexts(),
    /** Opens a tab, and waits as long as a hand needs: GraphiQL learns the operation's name a moment later. */
    async open(tab) {
      await page.getByRole("tab", { name: tab, exact: true }).click();
      await eventually(() => query.evaluate((element, name) => element.CodeMirror.operationName === name, tab));
    },
    show: (name) => page.getByRole("button", { name, exact: true }).click(),
    async type(text, editor = pane) {
      await editor.click();
      await page.keyboard.press("ControlOrMeta+A");
      await page.keyboard.insertText(text);
    },
    /** Runs the tab and waits until its answer holds `expected`. */
    async run(expected) {
      await page.locator(".graphiql-execute-button").click();
      const text = await eventually(async () => {
        const shown = await content(result);
        return shown.includes(expected) || shown.includes('"errors"') ? shown : undefined;
      });
      return text ?? (await content(result));
    },
  };
}

/** An access token begins with `eyJ`, as every JSON object in base64 does. */
const holdsSecret = (text) => /eyJ|Bearer|battery/.test(text);

/** Everything that the browser would keep after the page is closed. */
const stored = (page) =>
  page.evaluate(async () =>
    JSON.stringify([
      { ...localStorage },
      { ...sessionStorage },
      document.cookie,
      (await indexedDB.databases()).map((database) => database.name),
    ]),
  );

await run(() =>
  withPage(base, async ({ page, foreign, problems, picture }) => {
    const ui = graphiql(page);
    const answer = await page.goto(`${base}/graphql`);
    check("a browser gets a page", answer.headers()["content-type"]?.startsWith("text/html"));
    const policy = answer.headers()["content-security-policy"] ?? "";
    check("its policy is strict",
      policy.includes("default-src 'none'") && !/script-src[^;]*unsafe/.test(policy), policy);
    await page.locator(".graphiql-execute-button").waitFor();
    check("the ready tabs stand there",
      (await ui.tabs()).join() === "SignUp,VerifyEmail,SignIn,Me", (await ui.tabs()).join());
    await page.locator(".graphiql-spinner").waitFor({ state: "detached" });
    await picture("graphiql-1-start");

    await page.getByRole("button", { name: "Show Documentation Explorer" }).click();
    const root = page.locator(".graphiql-doc-explorer").getByText("Mutation", { exact: true });
    check("the documentation shows the schema", await root.waitFor().then(() => true, () => false));
    await picture("graphiql-2-documentation");
    await page.getByRole("button", { name: "Hide Documentation Explorer" }).click();

    await ui.type((await ui.pane()).replace("ann@example.com", email));
    const pending = await ui.run('"verificationId"');
    check("SignUp is pending", pending.includes('"PendingVerification"'), pending);
    const verificationId = JSON.parse(pending).data?.signUp.verificationId;
    await picture("graphiql-3-signed-up");

    await ui.open("VerifyEmail");
    const variables = await ui.pane();
    check("VerifyEmail knows the verification id", verificationId && variables.includes(verificationId), variables);
    await ui.type(variables.replace("six digits", await code()));
    const verified = await ui.run('"accessToken"');
    check("VerifyEmail opens a session", verified.includes('"Session"'), verified);
    const first = JSON.parse(verified).data?.verifyEmail.accessToken;
    await ui.show("Headers");
    check("its token stands in the headers", (await ui.pane()).includes(`"Bearer ${first}"`), await ui.pane());
    await picture("graphiql-4-verified");

    await ui.open("Me");
    check("and in those of another tab", (await ui.pane()).includes(`"Bearer ${first}"`), await ui.pane());
    const me = await ui.run('"sessions"');
    check("Me tells the address", JSON.parse(me).data?.me?.email === email, me);
    await picture("graphiql-5-me");

    await ui.open("SignIn");
    await ui.show("Variables");
    const login = JSON.parse(await ui.pane()).input;
    check("SignIn knows the login", login.login === email && login.password === password, JSON.stringify(login));
    const signedIn = await ui.run('"accessToken"');
    const second = JSON.parse(signedIn).data?.signIn.accessToken;
    check("SignIn opens another session", second && second !== first, signedIn);
    await ui.show("Headers");
    check("its token replaces the first", (await ui.pane()).includes(`"Bearer ${second}"`), await ui.pane());
    await ui.open("Me");
    const sessions = JSON.parse(await ui.run('"sessions"')).data?.me?.sessions;
    check("Me tells both sessions", sessions?.length === 2, JSON.stringify(sessions));
    await picture("graphiql-6-signed-in");

    await page.getByRole("button", { name: "New tab" }).click();
    check("a new tab is signed in", (await ui.pane()).includes(`"Bearer ${second}"`), await ui.pane());
    const input = `{ login: "${email}", password: "${password}" }`;
    await ui.type(`mutation { again: signIn(input: ${input}) { ... on Session { token: accessToken } } }`, ui.query);
    await eventually(() => ui.query.evaluate((element) => !element.CodeMirror.operationName));
    const third = JSON.parse(await ui.run('"token"')).data?.again.token;
    check("a token under another name is carried as well",
      third && (await ui.pane()).includes(`"Bearer ${third}"`), await ui.pane());

    const kept = await stored(page);
    check("nothing secret is stored", !holdsSecret(kept), kept);
    await page.reload();
    await page.locator(".graphiql-execute-button").waitFor();
    check("a reload starts afresh",
      (await ui.tabs()).length === 4 && (await ui.pane()).includes("ann@example.com"), await ui.pane());
    const keptAfter = await stored(page);
    check("nothing secret is stored after it", !holdsSecret(keptAfter), keptAfter);
    await page.locator(".graphiql-spinner").waitFor({ state: "detached" });

    await page.emulateMedia({ colorScheme: "dark" });
    await picture("graphiql-7-dark");

    check("no other host was contacted", foreign.length === 0, foreign.join(", "));
    check("no error, no violation of the policy", problems.length === 0, problems.join("\n        "));
  }, { screenshots }),
);
