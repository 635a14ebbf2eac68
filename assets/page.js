// Shows how a new password fares while it is typed. The page works without it: the server judges what is posted.
"use strict";

const field = document.getElementById("password");
const list = document.getElementById("rules");
// Whose rules they are; where a page of an operator's own does not say so, the default application's.
const { clientId, connection } = document.currentScript.dataset;
const query =
  "mutation CheckPassword($input: CheckPasswordInput!) { checkPassword(input: $input) { rules { rule met message } } }";

let timer;
let asked = 0;

async function judge() {
  const number = ++asked;
  const password = field.value;
  if (password === "") {
    list.replaceChildren();
    return;
  }
  const response = await fetch("/graphql", {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify({ query, variables: { input: { password, clientId, connection } } }),
    referrerPolicy: "no-referrer",
    credentials: "omit",
  });
  const answer = await response.json();
  const rules = answer.data?.checkPassword?.rules;
  // A later letter may have been judged before an earlier one.
  if (number !== asked || !rules) return;
  list.replaceChildren(
    ...rules.map(({ met, message }) => {
      const item = document.createElement("li");
      item.className = met ? "met" : "unmet";
      item.textContent = `${met ? "✓" : "✗"} ${message}`;
      return item;
    }),
  );
}

if (field && list) {
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => judge().catch(() => list.replaceChildren()), 250);
  });
}
