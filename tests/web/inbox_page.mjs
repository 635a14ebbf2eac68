// The development inbox: the newest code can be read at once, and the mails in it run nothing.

import { check, run, takeArguments } from "./check.mjs";
import { withPage } from "./chromium.mjs";

const [base, code, screenshots] = takeArguments(2, "inbox_page.mjs BASE CODE [screenshot-dir]");

await run(() =>
  withPage(base, async ({ page, foreign, problems, picture }) => {
    const answer = await page.goto(`${base}/dev/inbox`);
    check("the inbox opens", answer.ok(), `HTTP ${answer.status()}`);
    const shown = await page.locator(".code").first().innerText();
    check("the newest code stands first", shown === code, `${shown} instead of ${code}`);
    const link = await page.locator("article a").first().getAttribute("href");
    check("its link stands below", link?.includes("/verify?ticket="), link);
    await picture("inbox-1-light");
    await page.emulateMedia({ colorScheme: "dark" });
    await picture("inbox-2-dark");
    await page.getByText("HTML", { exact: true }).first().click();
    const mail = page.frameLocator("iframe").first();
    check("the mail can be seen as its reader sees it",
      await mail.getByText(code).first().waitFor().then(() => true, () => false));
    const colours = await mail.getByText(code).first().evaluate((element) => getComputedStyle(element).color);
    const ground = await page.locator("iframe").first().evaluate((element) => getComputedStyle(element).backgroundColor);
    check("it stands out from its ground in the dark, too", colours !== ground, `${colours} on ${ground}`);
    await picture("inbox-3-mail");

    await page.goto(link);
    await picture("verify-3-dark");
    check("no other host was contacted", foreign.length === 0, foreign.join(", "));
    check("no error, no violation of the policy", problems.length === 0, problems.join("\n        "));
  }, { screenshots }),
);
