// The example application from end to end, against the real program: every page of it, an access token that expires
// meanwhile in two tabs and in three clients, another device, and what axe has to say of every page, light and dark.

import { mkdir, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";

import axe from "axe-core";

import { PATIENCE, check, eventually, run, takeArguments } from "./check.mjs";
import { withPage } from "./chromium.mjs";

const [base, folder, port, secret, screenshots] =
  takeArguments(4, "example_app.mjs BASE BUILT_FOLDER PORT ADMIN_SECRET [screenshot-dir]");
const origin = `http://localhost:${port}`;
const [EMAIL, NEW_EMAIL] = ["ann@example.org", "ann.new@example.org"];
const PASSWORDS = ["correct horse battery staple", "a second battery of horses", "three horses and no staple", "the fourth and last battery"];
/** Seconds: the least that an application may ask for. */
const LIFETIME = 60;
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

/** Serves the built files, and the one page for every address that is no file. */
async function serve() {
  const server = createServer(async ({ url }, response) => {
    const { pathname } = new URL(url, origin);
    const name = extname(pathname) in TYPES ? pathname : "/index.html";
    try {
      const file = await readFile(join(folder, name));
      response.setHeader("content-type", TYPES[extname(name)]);
      response.end(file);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((listening) => server.listen(Number(port), "127.0.0.1", listening));
  return server;
}

/** Lists our origin, and lets access tokens expire soon. */
async function prepare() {
  const query = "mutation($input: AdminUpdateApplicationInput!) { adminUpdateApplication(input: $input) { clientId } }";
  const input = { clientId: "default", allowedOrigins: [origin], accessTokenTtl: LIFETIME };
  const headers = { "content-type": "application/json", "x-vestibule-admin-secret": secret };
  const answer = await fetch(`${base}/graphql`, { method: "POST", headers, body: JSON.stringify({ query, variables: { input } }) });
  const { errors } = await answer.json();
  check("the application lists the origin", errors === undefined, JSON.stringify(errors));
}

/** The newest mail of this purpose to this address, once there are so many of them. */
const mail = (to, purpose, count = 1) =>
  eventually(async () => {
    const inbox = await fetch(`${base}/dev/inbox`, { headers: { accept: "application/json" } });
    const mails = (await inbox.json()).filter((mail) => mail.to === to && mail.purpose === purpose);
    return mails.length >= count && mails[0];
  });

const within = (promise) => promise.then(() => true, () => false);

async function sees(page, expectation, locator) {
  const seen = await within(locator.first().waitFor({ timeout: PATIENCE }));
  return check(expectation, seen, seen || `${page.url()}\n${await page.innerText("body")}`);
}

const heading = (page, name) => page.getByRole("heading", { name, level: 1 });
const field = (page, name) => page.getByLabel(name, { exact: true });
const button = (page, name) => page.getByRole("button", { name });
const section = (page, name) => page.getByRole("region", { name });

/** Looks at a page in both colours, at one width each: axe finds nothing, and nothing is cut off. */
async function look(page, name) {
  if (screenshots) await mkdir(join(screenshots, "example"), { recursive: true });
  const findings = [];
  await page.evaluate(axe.source);
  for (const [colorScheme, width, height] of [["light", 390, 844], ["dark", 1280, 860]]) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height });
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
    for (const { id, nodes } of violations) {
      findings.push(`${colorScheme}: ${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join("; ")}`);
    }
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    if (wide) findings.push(`wider than a screen of ${width} pixels`);
    const path = join(screenshots ?? "", "example", `${name}-${width}-${colorScheme}.png`);
    if (screenshots) await page.screenshot({ path, fullPage: true });
  }
  await page.emulateMedia({ colorScheme: "light" });
  check(`${name}: good to read for everybody, light and dark`, findings.length === 0, findings.join("\n        "));
}

/** What a page asks for and is answered, by GraphQL field. */
function watch(page) {
  const seen = { refreshes: 0, unauthenticated: 0 };
  page.on("response", async (response) => {
    if (response.request().method() !== "POST") return;
    if (/refreshSession/.test(response.request().postData() ?? "")) seen.refreshes += 1;
    const text = await response.text().catch(() => "");
    if (text.includes('"UNAUTHENTICATED"')) seen.unauthenticated += 1;
  });
  return seen;
}

async function signUp(page) {
  await page.goto(origin);
  await sees(page, "who is not signed in comes to the door", heading(page, "Welcome back"));
  await look(page, "sign-in");
  await page.getByRole("link", { name: "Create an account" }).click();
  await sees(page, "the door leads to the sign-up", heading(page, "Create your account"));
  await field(page, "Name").fill("Ann");
  await field(page, "E-mail address").fill(EMAIL);
  await field(page, "Password").pressSequentially("password");
  await sees(page, "a rule that is not met shows while one types", page.locator(".rules .unmet"));
  await look(page, "sign-up");
  await button(page, "Create account").click();
  await sees(page, "a weak password is refused", page.getByRole("alert"));
  const focused = await page.evaluate(() => document.activeElement?.getAttribute("name"));
  check("and the focus is where the mistake is", focused === "password", focused);
  await field(page, "Password").fill(PASSWORDS[0]);
  const met = page.waitForFunction(() => {
    const rules = [...document.querySelectorAll(".rules li")];
    return rules.length > 0 && rules.every((rule) => rule.className === "met");
  }, undefined, { timeout: PATIENCE });
  check("every rule turns met", await within(met), await page.innerText("main"));
  await button(page, "Create account").click();
  await sees(page, "a mail is to be answered", heading(page, "Check your mail"));
  await look(page, "check-mail");

  const former = await mail(EMAIL, "EMAIL_VERIFICATION");
  await button(page, "Send another mail").click();
  await sees(page, "another one is to be had", page.getByText("Another mail is on its way."));
  const { code } = await mail(EMAIL, "EMAIL_VERIFICATION", 2);
  if (former.code !== code) {
    await field(page, "Code of six digits").fill(former.code);
    await button(page, "Continue").click();
    await sees(page, "the code before it is void", page.getByText("This code is not right"));
  }
  await field(page, "Code of six digits").fill(code);
  await button(page, "Continue").click();
  await sees(page, "the right code leads to the account", heading(page, "Your account"));
  await look(page, "account");
  await page.reload();
  await sees(page, "after a reload the cookie brings the session back", page.getByText(`Ann · ${EMAIL}`));
  const stored = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
  check("no script and no storage of the page holds a token", stored === '[{},{},""]', stored);
}

/** With keys alone. */
async function signIn(page, email, password) {
  await sees(page, "the door is there", heading(page, "Welcome back"));
  await field(page, "E-mail address").focus();
  await page.keyboard.type(email);
  await page.keyboard.press("Tab");
  await page.keyboard.type(password);
  await page.keyboard.press("Enter");
}

async function saveName(page, label, name, expectation) {
  const profile = section(page, "Profile");
  await profile.getByLabel(label, { exact: true }).fill(name);
  await profile.getByRole("button").click();
  await sees(page, expectation, profile.getByText("Saved."));
}

/** Three clients of one page ask who is signed in. */
async function askWithEach(page, expectation) {
  await button(page, "Ask with each").click();
  const all = page.waitForFunction(
    (email) => [...document.querySelectorAll(".clients dd")].filter((one) => one.textContent.includes(email)).length === 3,
    EMAIL,
    { timeout: PATIENCE },
  );
  check(expectation, await within(all), await page.innerText("main"));
}

async function expire(page, second, device) {
  await saveName(page, "Display name", "Ann Archer", "the profile is saved");
  await second.goto(`${origin}/account`);
  await sees(second, "another tab is signed in, too", heading(second, "Your account"));
  await device.goto(`${origin}/clients`);
  await signIn(device, EMAIL, PASSWORDS[0]);
  await sees(device, "a sign-in on another device leads where it was going", heading(device, "Three clients, one session"));
  await askWithEach(device, "urql, Apollo Client and Relay share its session");
  await look(device, "clients");

  const [first, other, third] = [page, second, device].map(watch);
  await new Promise((expired) => setTimeout(expired, (LIFETIME + 2) * 1000));
  await Promise.all([
    saveName(page, "Given name", "Ann", "with an expired token, one tab saves all the same"),
    saveName(second, "Family name", "Archer", "at the same moment, another tab does, too"),
  ]);
  const refreshes = first.refreshes + other.refreshes;
  check("the tabs refreshed by themselves, at most once each", refreshes >= 1 && refreshes <= 2, `${refreshes} refreshes`);
  await askWithEach(device, "each of the three clients goes on after the expiry");
  check("told by UNAUTHENTICATED", third.unauthenticated >= 1, JSON.stringify(third));
  check("with one refresh for all of them", third.refreshes === 1, JSON.stringify(third));
  await Promise.all([page.reload(), second.reload()]);
  await sees(page, "two tabs that are loaded at once stay signed in: the one", heading(page, "Your account"));
  await sees(second, "and the other", heading(second, "Your account"));
  const profile = section(page, "Profile");
  const names = [await field(profile, "Given name").inputValue(), await field(profile, "Family name").inputValue()];
  check("and neither has undone what the other saved", names.join(" ") === "Ann Archer", names.join(" "));
}

async function sessions(page, device) {
  const list = section(page, "Where you are signed in");
  await sees(page, "the sessions are listed, this one marked", list.getByText("This device"));
  check("both of them", (await list.getByRole("listitem").count()) === 2, await list.innerText());
  await list.getByRole("button", { name: /^Sign out/ }).click();
  await sees(page, "another device can be signed out", list.getByText(/is signed out\.$/));
  check("it leaves the list", await eventually(async () => (await list.getByRole("listitem").count()) === 1));
  await button(device, "Ask with each").click();
  await sees(device, "and is out with its next request", device.getByText("Your session has ended"));
}

async function changePassword(page, second) {
  const form = section(page, "Password");
  await field(form, "Current password").fill("not my password");
  await field(form, "New password").fill(PASSWORDS[1]);
  await button(form, "Change password").click();
  await sees(page, "a wrong current password is refused", form.getByRole("alert"));
  await field(form, "Current password").fill(PASSWORDS[0]);
  await button(form, "Change password").click();
  await sees(page, "the right one changes it", form.getByText("Your new password is saved"));
  check("no password stays in the fields", (await field(form, "New password").inputValue()) === "");
  await saveName(second, "Display name", "Ann A.", "another tab of this session goes on under the fresh tokens");
}

/** What else than the server may answer to a request of this field, and what the page makes of it. */
async function answeredBy(page, field, status, body, work) {
  const api = `${base}/graphql`;
  const answer = (route) => {
    if (!(route.request().postData() ?? "").includes(field)) return route.fallback();
    const headers = { "access-control-allow-origin": origin, "access-control-allow-credentials": "true" };
    return route.fulfill({ status, headers, contentType: "application/json", body: JSON.stringify(body) });
  };
  await page.route(api, answer);
  await work();
  await page.unroute(api, answer);
}

/** An answer that does not say that the session has ended does not end it. */
async function keepsItsSession(page, second, problems) {
  const error = (code) => ({ data: null, errors: [{ message: code, extensions: { code } }] });
  const busy = [[503, error("OVERLOADED")], [200, error("INTERNAL")], [200, error("ORIGIN_NOT_ALLOWED")], [502, { message: "upstream" }]];
  for (const [status, body] of busy) {
    const what = `${status} ${JSON.stringify(body)}`;
    await answeredBy(page, "signOut", status, body, async () => {
      await button(page, "Sign out").first().click();
      await sees(page, `no sign-out by ${what}`, page.getByText("you are still signed in"));
    });
    check("and the account is there", await heading(page, "Your account").isVisible());
    await page.reload();
    await sees(page, "as it is after a reload", heading(page, "Your account"));
  }
  for (const [status, body] of [[502, { message: "upstream" }], [400, error("BAD_REQUEST")]]) {
    const what = `${status} ${JSON.stringify(body)}`;
    await answeredBy(page, "refreshSession", status, body, async () => {
      await answeredBy(page, "updateUser", 200, error("UNAUTHENTICATED"), async () => {
        const profile = section(page, "Profile");
        await button(profile, "Save profile").click();
        await sees(page, `no refresh by ${what}`, profile.getByRole("alert"));
      });
      for (const tab of [page, second]) check("no tab is out", await heading(tab, "Your account").isVisible(), await tab.innerText("body"));
      await page.reload();
      await sees(page, "a page that is loaded meanwhile says that nobody answers", page.getByText("does not answer this page"));
    });
    await page.reload();
    await sees(page, "and is in again once the server is back", heading(page, "Your account"));
  }
  // Chromium tells of every answer of 400 and more.
  const told = problems.filter((one) => !/\b(400|502|503)\b/.test(one));
  problems.splice(0, problems.length, ...told);
}

async function signOutAndReset(page, second) {
  await button(page, "Sign out").first().click();
  await sees(page, "it signs out", page.getByText("You are signed out."));
  await sees(second, "so does the other tab", heading(second, "Welcome back"));
  await page.getByRole("link", { name: "Forgot your password?" }).click();
  await sees(page, "a forgotten password has a page", heading(page, "Forgot your password?"));
  await look(page, "forgot");
  await field(page, "E-mail address").fill(EMAIL);
  await button(page, "Send the mail").click();
  await sees(page, "which sends a mail", heading(page, "Check your mail"));
  await look(page, "check-mail-reset");
  const { link } = await mail(EMAIL, "PASSWORD_RESET");
  check("whose link leads into the application", link.startsWith(`${origin}/reset?`), link);
  await page.goto(link);
  await sees(page, "the link opens", heading(page, "Choose a new password"));
  check("its ticket leaves the address bar", await eventually(() => !page.url().includes("ticket")), page.url());
  await field(page, "New password").fill(PASSWORDS[2]);
  await sees(page, "the rules show here, too", page.locator(".rules .met"));
  await look(page, "reset");
  await button(page, "Save and sign in").click();
  await sees(page, "the new password signs in", heading(page, "Your account"));
  await button(page, "Sign out").first().click();
  await signIn(page, EMAIL, PASSWORDS[2]);
  await sees(page, "and does so again", heading(page, "Your account"));
}

async function changeEmail(page) {
  const form = section(page, "E-mail address");
  await field(form, "New e-mail address").fill(NEW_EMAIL);
  await field(form, "Your password").fill(PASSWORDS[2]);
  await button(form, "Change address").click();
  await sees(page, "another address is to be confirmed first", field(form, "Code of six digits"));
  await look(page, "account-email");
  const { code, link } = await mail(NEW_EMAIL, "EMAIL_CHANGE");
  check("its link leads into the application", link.startsWith(`${origin}/confirm-email?`), link);
  await field(form, "Code of six digits").fill(code);
  await button(form, "Use this address").click();
  await sees(page, "the code confirms it", form.getByText(`From now on you sign in with ${NEW_EMAIL}.`));
}

/** On another device, where nobody is signed in. */
async function resetByCodeAndDelete(device, page) {
  await device.goto(`${origin}/forgot`);
  await field(device, "E-mail address").fill(NEW_EMAIL);
  await button(device, "Send the mail").click();
  const { code } = await mail(NEW_EMAIL, "PASSWORD_RESET");
  await field(device, "Code of ten characters").fill(code);
  await field(device, "New password").fill(PASSWORDS[3]);
  await button(device, "Save and sign in").click();
  await sees(device, "a reset by code signs in", heading(device, "Your account"));
  await section(page, "Profile").getByRole("button").click();
  await sees(page, "and out everywhere else", page.getByText("Your session has ended"));

  await button(device, "Delete my account…").click();
  await sees(device, "who deletes the account is asked", device.getByRole("dialog"));
  await look(device, "delete");
  const dialog = device.getByRole("dialog");
  await field(dialog, "Password").fill(PASSWORDS[0]);
  await button(dialog, "Delete for good").click();
  await sees(device, "for the password", dialog.getByRole("alert"));
  await field(dialog, "Password").fill(PASSWORDS[3]);
  await button(dialog, "Delete for good").click();
  await sees(device, "then the account is gone", device.getByText("Your account is deleted."));
  await signIn(device, NEW_EMAIL, PASSWORDS[3]);
  await sees(device, "and nobody signs in to it", device.getByText("The address or the password is not right."));
}

/** The laptop waits where the code is asked for; the link is opened on the phone. */
async function handOff(laptop, phone) {
  await laptop.goto(`${origin}/sign-up`);
  await field(laptop, "Name").fill("Bob");
  await field(laptop, "E-mail address").fill("bob@example.org");
  await field(laptop, "Password").fill(PASSWORDS[0]);
  await button(laptop, "Create account").click();
  await sees(laptop, "a sign-up shows a number to pick elsewhere", laptop.locator(".handoff strong"));
  const number = await laptop.locator(".handoff strong").innerText();
  const { link } = await mail("bob@example.org", "EMAIL_VERIFICATION");
  await phone.goto(link);
  const choices = section(phone, "Does another device show a number?");
  await sees(phone, "the link offers numbers on another device", choices);
  await look(phone, "hand-off");
  await choices.getByRole("button", { name: number, exact: true }).click();
  await sees(phone, "the right one is taken", phone.getByText("Your other device is signed in within a moment."));
  await sees(laptop, "and the device that waits is signed in", heading(laptop, "Your account"));
  await sees(laptop, "as who signed up there", laptop.getByText("Bob · bob@example.org"));
}

await run(async () => {
  await prepare();
  const server = await serve();
  const options = { friends: [base], reducedMotion: "reduce", locale: "en-GB" };
  try {
    await withPage(origin, async ({ page, foreign, problems }) => {
      await withPage(origin, async ({ page: device, foreign: foreignToo, problems: problemsToo }) => {
        const second = await page.context().newPage();
        await signUp(page);
        await expire(page, second, device);
        await sessions(page, device);
        await changePassword(page, second);
        await keepsItsSession(page, second, problems);
        await signOutAndReset(page, second);
        await changeEmail(page);
        await resetByCodeAndDelete(device, page);
        await handOff(page, device);
        const all = [...foreign, ...foreignToo];
        check("no other host was asked", all.length === 0, all.join(", "));
        const wrong = [...problems, ...problemsToo];
        check("nothing went wrong on any page", wrong.length === 0, wrong.join("\n        "));
      }, options);
    }, options);
  } finally {
    server.close();
  }
});
