// Composes the subgraphs as a federation gateway does: with a second one that extends `User`, and the public library.

import { readFile } from "node:fs/promises";

import { composeServices } from "@apollo/composition";
import { parse } from "graphql";

import { check, run, takeArguments } from "./check.mjs";
import { ORDERS } from "./orders.mjs";

const [path, shown, hidden] = takeArguments(2, "compose.mjs SUBGRAPH SHOWN_FIELD [HIDDEN_FIELD]");

await run(async () => {
  const subgraphs = [
    { name: "vestibule", url: "http://127.0.0.1:4000/graphql", typeDefs: parse(await readFile(path, "utf8")) },
    { name: "orders", url: "http://127.0.0.1:4001/graphql", typeDefs: parse(ORDERS) },
  ];
  const { errors = [], hints = [], schema, supergraphSdl } = composeServices(subgraphs);
  const said = (list) => list.map(({ message }) => message).join("\n        ");
  check("the subgraphs compose without an error", errors.length === 0, said(errors));
  check("and without a hint", hints.length === 0, said(hints));
  const api = schema.toAPISchema().toGraphQLJSSchema();
  const { User } = api.getTypeMap();
  check("a user has orders", User.getFields().orders !== undefined);
  check("a user has an address", User.getFields().email !== undefined);
  check(`${shown} can be asked for`, api.getQueryType().getFields()[shown] !== undefined);
  if (hidden) check(`${hidden} is nowhere`, !supergraphSdl.includes(hidden));
});
