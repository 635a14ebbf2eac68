// A federation gateway in front of the house and of a second subgraph, as a team would run it: the public composition
// library, the public gateway, and both subgraphs behind sockets.

import { createServer } from "node:http";

import { composeServices } from "@apollo/composition";
import { ApolloGateway, RemoteGraphQLDataSource } from "@apollo/gateway";
import { buildSubgraphSchema } from "@apollo/subgraph";
import { graphql, parse } from "graphql";

import { check, run, takeArguments } from "./check.mjs";
import { ORDERS } from "./orders.mjs";

const [base, secret, login, password, annId, bobId, adminToken] = takeArguments(
  7,
  "gateway.mjs BASE GATEWAY_SECRET LOGIN PASSWORD USER_ID OTHER_USER_ID ADMIN_TOKEN",
);
const vestibule = `${base}/graphql`;
const orders = [
  { id: "1", buyer: { id: annId } },
  { id: "2", buyer: { id: bobId } },
  { id: "3", buyer: { id: annId } },
];

async function ask(headers, query) {
  const body = JSON.stringify({ query });
  const response = await fetch(vestibule, { method: "POST", headers: { "content-type": "application/json", ...headers }, body });
  return response.json();
}

/** The second subgraph, on a port of its own. */
async function serveOrders() {
  const schema = buildSubgraphSchema({
    typeDefs: parse(ORDERS),
    resolvers: {
      Query: { orders: () => orders },
      User: { orders: ({ id }) => orders.filter(({ buyer }) => buyer.id === id) },
    },
  });
  const server = createServer((request, response) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", async () => {
      const { query, variables } = JSON.parse(Buffer.concat(parts).toString());
      const answer = await graphql({ schema, source: query, variableValues: variables });
      response.setHeader("content-type", "application/json").end(JSON.stringify(answer));
    });
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return server;
}

await run(async () => {
  const unknown = await ask({}, "{ _service { sdl } }");
  check("without the secret there is no subgraph", unknown.errors?.[0].extensions.code === "GRAPHQL_VALIDATION_FAILED");
  const { data } = await ask({ "x-vestibule-gateway-secret": secret }, "{ _service { sdl } }");
  const server = await serveOrders();
  const { supergraphSdl, errors, hints } = composeServices([
    { name: "vestibule", url: vestibule, typeDefs: parse(data._service.sdl) },
    { name: "orders", url: `http://127.0.0.1:${server.address().port}/`, typeDefs: parse(ORDERS) },
  ]);
  check("what the house tells of itself composes", errors === undefined && hints.length === 0);
  let asked = 0;
  const gateway = new ApolloGateway({
    supergraphSdl,
    buildService: ({ name, url }) =>
      new RemoteGraphQLDataSource({
        url,
        willSendRequest({ request, context }) {
          if (name !== "vestibule") return;
          asked += 1;
          request.http.headers.set("x-vestibule-gateway-secret", secret);
          if (context.authorization) request.http.headers.set("authorization", context.authorization);
        },
      }),
  });
  const { executor } = await gateway.load();
  const through = async (query, token) => {
    const context = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const request = { query, variables: {} };
    asked = 0;
    // What Apollo's server hands to its gateway; the answers are compared as JSON, as a client reads them.
    const answer = await executor({ request, document: parse(query), queryHash: query, context, metrics: {}, logger: console });
    return JSON.parse(JSON.stringify(answer));
  };

  const signIn = `mutation { signIn(input: { login: "${login}", password: "${password}" }) { ... on Session { accessToken } } }`;
  const token = (await through(signIn)).data?.signIn?.accessToken;
  check("one signs in through the gateway", typeof token === "string");

  const mine = await through("{ me { id email orders { id } } }", token);
  const me = { id: annId, email: login, orders: [{ id: "1" }, { id: "3" }] };
  check("one's account has its orders", JSON.stringify(mine.data?.me) === JSON.stringify(me), JSON.stringify(mine));

  const buyers = "{ orders { id buyer { id email } } }";
  const seen = await through(buyers, token);
  const own = (id) => ({ id, buyer: { id: annId, email: login } });
  const expected = [own("1"), { id: "2", buyer: null }, own("3")];
  check("an order shows its buyer to the buyer alone", JSON.stringify(seen.data?.orders) === JSON.stringify(expected), JSON.stringify(seen));
  const codes = seen.errors?.map(({ extensions }) => extensions.code);
  check("and says what is missing", codes?.every((code) => code === "FORBIDDEN") && codes.length > 0, JSON.stringify(seen.errors));
  check("with one question for all buyers", asked === 1, `${asked} questions`);

  const nobody = await through(buyers);
  const hidden = nobody.data?.orders?.every(({ buyer }) => buyer === null);
  check("a stranger is shown no buyer", hidden && nobody.errors?.[0].extensions.code === "UNAUTHENTICATED", JSON.stringify(nobody));

  const ids = await through("{ orders { buyer { id } } }");
  check("ids come from the orders themselves", ids.errors === undefined && ids.data.orders[1].buyer.id === bobId && asked === 0);

  const all = await through(buyers, adminToken);
  const addresses = all.data?.orders?.map(({ buyer }) => buyer?.email);
  check("an administrator is shown every buyer", addresses?.every((email) => /@/.test(email)) && addresses[1] !== login, JSON.stringify(all));

  await gateway.stop();
  server.close();
});
