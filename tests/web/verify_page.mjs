// The page that a mailed link opens: a button, which confirms the address, with or without JavaScript. What else it offers,
// handoff_page.mjs picks.

import { check, run, takeArguments } from "./check.mjs";
import { withPage } from "./chromium.mjs";

const [base, ...others] = takeArguments(2, "verify_page.mjs BASE LINK [LINK_WITHOUT_JAVASCRIPT] [screenshot-dir]");
const isLink = (text) => /^https?:/.test(text);
const [link, plainLink] = others.filter(isLink);
const screenshots = others.find((text) => !isLink(text));

async function confirm(address, javaScriptEnabled) {
  const manner = javaScriptEnabled ? "with JavaScript" : "without JavaScript";
  await withPage(base, async ({ page, foreign, problems, picture }) => {
    const name = javaScriptEnabled ? "verify" : "verify-plain";
    const answer = await page.goto(address);
    check(`${manner}: the link opens`, answer.ok(), `HTTP ${answer.status()}`);
    await picture(`${name}-1-asked`);

    const buttons = page.getByRole("button", { name: /^\D+$/ });
    check(`${manner}: one button is no number`, (await buttons.count()) === 1, `${await buttons.count()} are there`);
    const before = await page.innerText("body");
    check(`${manner}: nothing is confirmed yet`, !/\bconfirmed\b/i.test(before), before);

    await buttons.first().click();
    const done = page.getByText(/confirmed/i).first();
    const seen = await done.waitFor().then(() => true, () => false);
    check(`${manner}: the page says that the address is confirmed`, seen, await page.innerText("body"));
    await picture(`${name}-2-confirmed`);

    check(`${manner}: no other host was contacted`, foreign.length === 0, foreign.join(", "));
    check(`${manner}: no error, no violation of the policy`, problems.length === 0, problems.join("\n        "));
  }, { javaScriptEnabled, screenshots });
}

await run(async () => {
  await confirm(link, true);
  if (plainLink) await confirm(plainLink, false);
});
