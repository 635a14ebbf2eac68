// HTTP as Hasura's engine speaks it: no Accept of its own, gzip welcome, and one value a header.

import http from "node:http";
import { gunzipSync } from "node:zlib";

/** What the engine hands on of its client's headers to nobody. */
const ITS_OWN = new Set(["content-length", "content-md5", "user-agent", "host", "origin", "referer", "accept", "accept-encoding",
  "accept-language", "accept-datetime", "cache-control", "connection", "dnt", "content-type"]);

const small = (headers) => Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

/** For the webhook by GET: all but its own. */
export const forwarded = (client) =>
  Object.fromEntries(Object.entries(small(client)).filter(([name]) => !ITS_OWN.has(name)));

/** For a remote schema: configured, then resolved session variables, then the client's; of those no session variable. */
export function ordered(configured, session, client) {
  const kept = Object.entries(forwarded(client)).filter(([name]) => !name.startsWith("x-hasura-"));
  const given = small(client);
  const renamed = { "x-forwarded-host": given.host, "x-forwarded-user-agent": given["user-agent"] };
  const present = Object.entries(renamed).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries([...present, ...kept]), ...small(session), ...small(configured) };
}

export function send(url, { method = "POST", headers = {}, body } = {}) {
  const own = { "user-agent": "hasura-graphql-engine/v2.0.0", "accept-encoding": "gzip" };
  const type = body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers: { ...headers, ...own, ...type }, timeout: 60_000 }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const octets = Buffer.concat(chunks);
        const text = (response.headers["content-encoding"] === "gzip" ? gunzipSync(octets) : octets).toString();
        resolve({ status: response.statusCode, headers: response.headers, text, json: () => JSON.parse(text) });
      });
    });
    request.on("timeout", () => request.destroy(new Error(`${url} does not answer`)));
    request.on("error", reject);
    request.end(body);
  });
}
