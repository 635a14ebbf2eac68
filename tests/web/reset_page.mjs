// The page for a new password: it shows the policy while one types, and works without JavaScript too.

import { check, run, takeArguments } from "./check.mjs";
import { withPage } from "./chromium.mjs";

const [base, link, plainLink, screenshots] =
  takeArguments(3, "reset_page.mjs BASE LINK LINK_WITHOUT_JAVASCRIPT [screenshot-dir]");
const GOOD = "a brand new horse battery";

const within = (promise) => promise.then(() => true, () => false);

async function reset(address, { name, weakFirst, ...context }) {
  const javaScriptEnabled = context.javaScriptEnabled;
  await withPage(base, async ({ page, foreign, problems, picture }) => {
    const answer = await page.goto(address);
    check(`${name}: the link opens`, answer.ok(), `HTTP ${answer.status()}`);
    await picture(`${name}-1-asked`);
    const field = page.locator("input[name=password]");
    const rules = page.locator("#rules li");

    if (javaScriptEnabled) {
      await field.pressSequentially("password");
      const seen = await within(page.locator("#rules li.unmet").first().waitFor());
      check(`${name}: a rule that is not met is shown while typing`, seen, await page.innerText("body"));
      await picture(`${name}-2-weak`);
      await field.fill(GOOD);
      const met = await within(page.waitForFunction(() => {
        const items = [...document.querySelectorAll("#rules li")];
        return items.length > 0 && items.every((item) => item.className === "met");
      }));
      check(`${name}: every rule turns met`, met, await page.innerText("#rules"));
      await picture(`${name}-3-good`);
    }
    if (weakFirst) {
      await field.fill("password1");
      await page.locator("button[type=submit]").click();
      const told = await within(page.getByRole("alert").waitFor());
      check(`${name}: a weak password is refused with its rules`, told, await page.innerText("body"));
      check(`${name}: only that answer was a refusal`, problems.every((one) => /422/.test(one)), problems.join("\n"));
      problems.length = 0;
      await picture(`${name}-4-refused`);
      if (!javaScriptEnabled) check(`${name}: nothing is judged here`, (await rules.count()) === 0, "rules are there");
      await field.fill(GOOD);
    }
    await page.locator("button[type=submit]").click();
    const done = await within(page.getByText("Your new password is saved").first().waitFor());
    check(`${name}: the page says that it is done`, done, await page.innerText("body"));
    await picture(`${name}-5-done`);
    check(`${name}: no other host was contacted`, foreign.length === 0, foreign.join(", "));
    check(`${name}: no error, no violation of the policy`, problems.length === 0, problems.join("\n        "));
  }, { ...context, screenshots });
}

await run(async () => {
  await reset(link, { name: "reset-light", javaScriptEnabled: true, colorScheme: "light" });
  await reset(plainLink, { name: "reset-plain-dark", javaScriptEnabled: false, weakFirst: true, colorScheme: "dark" });
});
