// Verifies an access token as a stranger would: with a common library and nothing but the public address.

import { createRemoteJWKSet, jwtVerify } from "jose";
import { check, run, takeArguments } from "./check.mjs";

const [address, token] = takeArguments(2, "token.mjs BASE ACCESS_TOKEN   (e.g. http://127.0.0.1:4000 eyJ…)");
const base = address.replace(/\/$/, "");
const keys = new URL(`${base}/.well-known/jwks.json`);
const expected = { issuer: base, audience: "default", typ: "at+jwt", algorithms: ["ES256"] };

const isText = (value) => typeof value === "string" && value.length > 0;
const isTime = (value) => Number.isInteger(value) && Math.abs(Date.now() / 1000 - value) < 365 * 86400;
const isListOfText = (value) => Array.isArray(value) && value.length > 0 && value.every(isText);

/** The same token with one part rewritten; its signature stays. */
function forged(part, rewrite) {
  const parts = token.split(".");
  const value = JSON.parse(Buffer.from(parts[part], "base64url").toString());
  parts[part] = Buffer.from(JSON.stringify(rewrite(value))).toString("base64url");
  return parts.join(".");
}

async function isRefused(what, suspect, options = expected) {
  try {
    await jwtVerify(suspect, createRemoteJWKSet(keys), options);
    check(`${what} is refused`, false, "it was accepted");
  } catch (error) {
    check(`${what} is refused`, isText(error.code), `not by its content: ${error}`);
  }
}

await run(async () => {
  const answer = await fetch(keys);
  const set = await answer.json();
  check("the key set may be cached for five minutes",
    answer.headers.get("cache-control") === "public, max-age=300", answer.headers.get("cache-control"));
  check("every key has kid, alg and use",
    set.keys?.every((key) => isText(key.kid) && isText(key.alg) && key.use === "sig"));
  check("no key is private", set.keys?.every((key) => !("d" in key) && !("k" in key)));

  const { payload, protectedHeader } = await jwtVerify(token, createRemoteJWKSet(keys), expected);
  check("the token verifies", true);
  check("its header names the key", isText(protectedHeader.kid), JSON.stringify(protectedHeader));
  check("its key is in the set once", set.keys.filter((key) => key.kid === protectedHeader.kid).length === 1);

  const claim = (name, holds) => check(`claim ${name}`, holds(payload[name]), JSON.stringify(payload[name]));
  claim("iss", (value) => value === base);
  claim("aud", (value) => value === "default");
  claim("client_id", (value) => value === "default");
  claim("sub", isText);
  claim("sid", isText);
  claim("jti", isText);
  claim("iat", isTime);
  claim("exp", (value) => isTime(value) && value > payload.iat);
  claim("auth_time", (value) => isTime(value) && value <= payload.iat);
  claim("amr", isListOfText);
  claim("email", (value) => isText(value) && value.includes("@"));
  claim("email_verified", (value) => typeof value === "boolean");
  claim("locale", isText);

  const hasura = payload["https://hasura.io/jwt/claims"] ?? {};
  const inner = (name, holds) => check(`claim ${name}`, holds(hasura[name]), JSON.stringify(hasura[name]));
  inner("x-hasura-user-id", (value) => value === payload.sub);
  inner("x-hasura-default-role", (value) => value === "user");
  inner("x-hasura-allowed-roles", (value) => isListOfText(value) && value.includes(hasura["x-hasura-default-role"]));
  inner("x-hasura-user-is-anonymous", (value) => value === "false");

  await isRefused("a token with another user in it", forged(1, (claims) => ({ ...claims, sub: "somebody else" })));
  await isRefused("a token that lives longer", forged(1, (claims) => ({ ...claims, exp: claims.exp + 3600 })));
  await isRefused("a token that claims to need no signature",
    forged(0, (header) => ({ ...header, alg: "none" })).replace(/[^.]*$/, ""));
  await isRefused("a token with a cut signature", token.slice(0, -4));
  await isRefused("the token for another audience", token, { ...expected, audience: "another" });

  console.log(JSON.stringify(payload, null, 2));
});
