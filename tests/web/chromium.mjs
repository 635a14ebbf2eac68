// Starts a headless Chromium that watches what its pages do.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";

import { PATIENCE } from "./check.mjs";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/**
 * Opens a page in a fresh profile and hands it to `use`, together with what goes wrong on it:
 * `foreign`, the requests to any other host than those of `base` and `friends`, none of which leaves the machine, and `problems`, every
 * error in its console (violations of the content security policy among them), in its scripts and in its answers.
 * The browser is the one that the variable CHROMIUM names, or /usr/bin/chromium.
 */
export async function withPage(base, use, { screenshots, friends = [], ...context } = {}) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    headless: true,
    args: FLAGS,
  });
  try {
    const session = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...context });
    session.setDefaultTimeout(PATIENCE);
    const hosts = [base, ...friends].map((address) => new URL(address).host);
    const foreign = [];
    const problems = [];

    await session.route("**", (route) => {
      const url = new URL(route.request().url());
      if (hosts.includes(url.host) || url.protocol === "data:" || url.protocol === "blob:") return route.continue();
      foreign.push(url.href);
      return route.abort();
    });
    session.on("console", (message) => {
      if (message.type() === "error") problems.push(`console: ${message.text()}`);
    });
    session.on("weberror", (error) => problems.push(`script: ${error.error()}`));
    session.on("response", (response) => {
      if (response.status() >= 400) problems.push(`HTTP ${response.status()}: ${response.url()}`);
    });

    const page = await session.newPage();
    const picture = async (name) => {
      if (!screenshots) return;
      await mkdir(screenshots, { recursive: true });
      await page.screenshot({ path: join(screenshots, `${name}.png`) });
    };
    return await use({ page, foreign, problems, picture });
  } finally {
    await browser.close();
  }
}
