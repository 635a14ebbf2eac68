// The page that a mailed link opens on another device: three numbers, of which the right one signs the waiting device in.

import axe from "axe-core";

import { check, run, takeArguments } from "./check.mjs";
import { withPage } from "./chromium.mjs";

const [base, link, number, otherLink, otherNumber, screenshots] =
  takeArguments(5, "handoff_page.mjs BASE LINK ITS_NUMBER OTHER_LINK ITS_NUMBER [screenshot-dir]");

/** On a phone: light with JavaScript, dark without. */
async function pick(address, shown, right, javaScriptEnabled) {
  const manner = javaScriptEnabled ? "with JavaScript, light" : "without JavaScript, dark";
  const name = right ? "handoff-right" : "handoff-wrong";
  const options = { javaScriptEnabled, screenshots, colorScheme: javaScriptEnabled ? "light" : "dark", viewport: { width: 390, height: 844 } };
  await withPage(base, async ({ page, foreign, problems, picture }) => {
    const look = async (what) => {
      if (!javaScriptEnabled) return;
      await page.evaluate(axe.source);
      const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
      const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join("; ")}`);
      check(`${manner}: ${what} is good to read for everybody`, found.length === 0, found.join("\n        "));
    };
    await page.goto(address);
    const group = page.getByRole("region", { name: "Does another device show a number?" });
    const offered = await group.getByRole("button").allInnerTexts();
    check(`${manner}: three numbers are offered, the right one among them`, offered.length === 3 && offered.includes(shown), offered.join());
    check(`${manner}: going on here is offered, too`, await page.getByRole("button", { name: "Confirm this address" }).isVisible());
    await picture(`${name}-1-asked`);
    await look("the question");

    const choice = right ? shown : offered.find((one) => one !== shown);
    const button = group.getByRole("button", { name: choice, exact: true });
    if (javaScriptEnabled) {
      await button.focus();
      await page.keyboard.press("Enter");
    } else {
      await button.click();
    }
    const title = right ? "Go on at your other device" : "That is another number";
    const seen = await page.getByRole("heading", { name: title }).waitFor().then(() => true, () => false);
    check(`${manner}: the page says what became of it`, seen, await page.innerText("body"));
    await picture(`${name}-2-picked`);
    await look("the answer");
    if (!right) {
      await page.getByRole("button", { name: "Confirm this address" }).click();
      const confirmed = page.getByRole("heading", { name: "Your address is confirmed" });
      check(`${manner}: the button that is left still works`, await confirmed.waitFor().then(() => true, () => false));
    }
    // A number that is not the right one is answered by 422.
    const wrong = problems.filter((problem) => !problem.includes("422"));
    check(`${manner}: no other host was contacted`, foreign.length === 0, foreign.join(", "));
    check(`${manner}: no error, no violation of the policy`, wrong.length === 0, wrong.join("\n        "));
  }, options);
}

await run(async () => {
  await pick(link, number, true, true);
  await pick(otherLink, otherNumber, false, false);
});
