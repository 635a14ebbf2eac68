// What the scripts share: one line of output per expectation, an exit code, and patience.

/** Milliseconds: longer than the slowest page of a busy machine. */
export const PATIENCE = 60_000;

let failures = 0;

/** Prints the expectation and whether it holds; goes on either way. */
export function check(expectation, holds, detail) {
  if (holds) {
    console.log(`ok      ${expectation}`);
  } else {
    failures += 1;
    console.log(`FAILED  ${expectation}${detail === undefined ? "" : `\n        ${detail}`}`);
  }
  return Boolean(holds);
}

/** Takes the script's arguments, or tells how it is called. */
export function takeArguments(required, usage) {
  const given = process.argv.slice(2);
  if (given.length < required) {
    console.error(`usage: node ${usage}`);
    process.exit(2);
  }
  return given;
}

/** Runs the script; a failed expectation or an error ends it with exit code 1. */
export async function run(script) {
  try {
    await script();
  } catch (error) {
    check("the script comes to its end", false, error.stack ?? error);
  }
  console.log(failures === 0 ? "all well" : `${failures} failed`);
  process.exitCode = failures === 0 ? 0 : 1;
}

/** Asks until the answer is truthy, or patience is over. */
export async function eventually(ask) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const answer = await ask();
    if (answer || Date.now() > end) return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
