// Tokens of others: two foreign libraries verify ours by the public address, and make such as we must refuse, or accept.

import { createPrivateKey, createPublicKey, generateKeyPairSync, sign as signOctets, verify as verifyOctets } from "node:crypto";
import { createRemoteJWKSet, jwtVerify, SignJWT } from "jose";
import jsonwebtoken from "jsonwebtoken";
import { check, run, takeArguments } from "./check.mjs";

const [base, token, secret] = takeArguments(3, "foreign.mjs BASE ACCESS_TOKEN PRIVATE_KEY   (PKCS#8 in base64)");
const decode = (part) => JSON.parse(Buffer.from(token.split(".")[part], "base64url").toString());
const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const [header, claims] = [decode(0), decode(1)];
const { alg, kid } = header;
const ours = createPrivateKey({ key: Buffer.from(secret, "base64"), format: "der", type: "pkcs8" });
const kinds = { ES256: ["ec", { namedCurve: "P-256" }], RS256: ["rsa", { modulusLength: 2048 }], EdDSA: ["ed25519", {}] };
const strange = generateKeyPairSync(...kinds[alg]);

/** Who signs: a library, by itself. The second does not know EdDSA; there OpenSSL signs by hand. */
const libraries = {
  jose: (header, claims, key = ours) => new SignJWT(claims).setProtectedHeader(header).sign(key),
  jsonwebtoken: (header, claims, key = ours) => header.alg === "EdDSA"
    ? byHand(header, claims, key)
    // As text: of an object it would look at the claims itself.
    : jsonwebtoken.sign(JSON.stringify(claims), key, { algorithm: header.alg, header }),
};

function byHand(header, claims, key) {
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${signOctets(null, Buffer.from(input), key).toString("base64url")}`;
}

async function asked(suspect) {
  const answer = await fetch(`${base}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${suspect}` },
    body: JSON.stringify({ query: "{ me { id } }" }),
  });
  const { data, errors } = await answer.json();
  return { user: data?.me?.id, reason: errors?.[0]?.extensions?.reason };
}

async function isTaken(what, good) {
  const { user, reason } = await asked(good);
  check(`${what} is taken`, user === claims.sub, reason);
}

async function isRefused(what, bad) {
  const { user, reason } = await asked(bad);
  check(`${what} is refused`, user === undefined && reason === "TOKEN_INVALID", `${user} ${reason} ${bad}`);
}

const without = (name) => Object.fromEntries(Object.entries(claims).filter(([other]) => other !== name));

async function theirs() {
  const address = new URL(`${base}/.well-known/jwks.json`);
  const expected = { issuer: base, audience: "default", algorithms: [alg] };
  const { payload } = await jwtVerify(token, createRemoteJWKSet(address), { ...expected, typ: "at+jwt" });
  check(`jose verifies our ${alg}`, payload.sub === claims.sub);
  const set = await (await fetch(address)).json();
  const key = createPublicKey({ key: set.keys.find((key) => key.kid === kid), format: "jwk" });
  if (alg === "EdDSA") {
    const [head, body, signature] = token.split(".");
    const good = verifyOctets(null, Buffer.from(`${head}.${body}`), key, Buffer.from(signature, "base64url"));
    check("OpenSSL verifies our EdDSA", good);
  } else {
    check(`jsonwebtoken verifies our ${alg}`, jsonwebtoken.verify(token, key, expected).sub === claims.sub);
  }
  return key;
}

async function forged(library, make, key) {
  await isTaken(`${library}: a good one`, await make(header, claims));
  await isRefused(`${library}: one of a strange key`, await make(header, claims, strange.privateKey));
  const jwk = strange.publicKey.export({ format: "jwk" });
  await isRefused(`${library}: one that brings its key`, await make({ ...header, jwk }, claims, strange.privateKey));
  for (const extra of [{ jwk: key.export({ format: "jwk" }) }, { x5c: ["MAA="] }, { jku: "http://127.0.0.1:1/jwks.json" }, { x5u: "http://127.0.0.1:1/x.pem" }]) {
    await isRefused(`${library}: one with ${Object.keys(extra)}`, await make({ ...header, ...extra }, claims));
  }
  for (const typ of ["JWT", "jwt", "at+JWT2", "refresh+jwt", ""]) {
    await isRefused(`${library}: typ ${typ || "(empty)"}`, await make({ ...header, typ }, claims));
  }
  for (const other of ["another", "", undefined]) {
    await isRefused(`${library}: kid ${other}`, await make({ ...header, kid: other }, claims));
  }
  for (const name of ["exp", "aud", "iss", "sub"]) {
    await isRefused(`${library}: without ${name}`, await make(header, without(name)));
    for (const value of [null, [claims[name]], { value: claims[name] }, true, name === "exp" ? String(claims.exp) : 7, -1, ""]) {
      await isRefused(`${library}: ${name} ${JSON.stringify(value)}`, await make(header, { ...claims, [name]: value }));
    }
  }
  for (const nbf of [claims.iat + 3600, String(claims.iat), null, -1]) {
    await isRefused(`${library}: nbf ${nbf}`, await make(header, { ...claims, nbf }));
  }
  const [head, , signature] = (await make(header, claims)).split(".");
  await isRefused(`${library}: a tampered one`, `${head}.${encode({ ...claims, sub: claims.sid })}.${signature}`);
  await isRefused(`${library}: a cut signature`, `${head}.${token.split(".")[1]}.${signature.slice(0, -6)}`);
  for (const hmac of ["HS256", "HS384", "HS512"]) {
    const spki = { type: "spki", format: "der" };
    const secrets = { PEM: key.export({ type: "spki", format: "pem" }), DER: key.export(spki), JWK: JSON.stringify(key.export({ format: "jwk" })) };
    for (const [kind, octets] of Object.entries(secrets)) {
      await isRefused(`${library}: ${hmac} keyed with our ${kind}`, await make({ ...header, alg: hmac }, claims, Buffer.from(octets)));
    }
  }
  for (const [other, kind] of Object.entries(kinds).filter(([other]) => other !== alg)) {
    const { privateKey } = generateKeyPairSync(...kind);
    await isRefused(`${library}: our key's id with ${other}`, await make({ ...header, alg: other }, claims, privateKey));
  }
}

await run(async () => {
  const key = await theirs();
  for (const [library, make] of Object.entries(libraries)) {
    await forged(library, make, key);
  }
  await isRefused("jsonwebtoken: no algorithm",
    jsonwebtoken.sign(JSON.stringify(claims), "", { algorithm: "none", header: { ...header, alg: "none" } }));
  for (const none of ["none", "None", "NONE", "nOnE", ""]) {
    for (const signature of ["", token.split(".")[2]]) {
      await isRefused(`alg ${none || "(empty)"}`, `${encode({ ...header, alg: none })}.${encode(claims)}.${signature}`);
    }
  }
});
