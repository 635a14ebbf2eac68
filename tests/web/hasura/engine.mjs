// Plays Hasura's engine (version 2), as its sources and documentation tell of it: how it reads a remote schema, how it shows
// it to a role, whom it takes somebody for, and what it sends and hands back.

import { MapperKind, mapSchema } from "@graphql-tools/utils";
import { RenameRootFields, RenameTypes, WrapType, wrapSchema } from "@graphql-tools/wrap";
import { buildClientSchema, graphql, Kind, print } from "graphql";
import { createRemoteJWKSet, jwtVerify } from "jose";

import { complaints, presetsOf, schemaOf } from "./permission.mjs";
import { forwarded, ordered, send } from "./wire.mjs";

const levels = (depth) => (depth === 0 ? "" : ` ofType { kind name${levels(depth - 1)} }`);

/** Asks what the engine asks: seven levels of types, deprecated fields and values, and no deprecated input. */
const INTROSPECTION = `query IntrospectionQuery {
  __schema {
    queryType { name }
    mutationType { name }
    subscriptionType { name }
    types { ...FullType }
    directives { name description locations args { ...InputValue } }
  }
}
fragment FullType on __Type {
  kind name description
  fields(includeDeprecated: true) { name description args { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason }
  inputFields { ...InputValue }
  interfaces { ...TypeRef }
  enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
  possibleTypes { ...TypeRef }
}
fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue }
fragment TypeRef on __Type { kind name${levels(7)} }
`;

const refused = (message, code, cookies = []) => ({ body: { errors: [{ message, extensions: { path: "$", code } }] }, cookies });

export class Engine {
  /** `entry` of `remote_schemas`; `settings` as the environment holds them. */
  constructor(entry, settings) {
    Object.assign(this, { entry, settings, sent: [] });
    this.secret = settings.HASURA_GRAPHQL_JWT_SECRET && JSON.parse(settings.HASURA_GRAPHQL_JWT_SECRET);
    this.keys = this.secret && createRemoteJWKSet(new URL(this.secret.jwk_url));
    this.roles = new Map();
  }

  /** Reads the remote schema, and takes each role's part of it or says why not. */
  async start() {
    const body = JSON.stringify({ query: INTROSPECTION, variables: null, operationName: "IntrospectionQuery" });
    const { url } = this.entry.definition;
    // The engine reads as its own administrator.
    const answer = await send(url, { headers: ordered(this.configured(), { "x-hasura-role": "admin" }, {}), body });
    this.introspected = answer;
    this.upstream = buildClientSchema(answer.json().data);
    this.roles.set("admin", this.shown(this.upstream, {}));
    for (const { role, definition } of this.entry.permissions) {
      const wrong = complaints(definition.schema, this.upstream);
      if (wrong.length > 0) throw new Error(`role ${role}: ${wrong.join("; ")}`);
      this.roles.set(role, this.shown(this.hidden(schemaOf(definition.schema)), presetsOf(definition.schema)));
    }
    return this;
  }

  configured() {
    return Object.fromEntries((this.entry.definition.headers ?? []).map(({ name, value }) => [name, value]));
  }

  /** Without what is preset: clients do not see it. */
  hidden(schema) {
    const isPreset = ({ astNode }) => astNode?.directives?.some(({ name }) => name.value === "preset");
    return mapSchema(schema, { [MapperKind.INPUT_OBJECT_FIELD]: (field) => (isPreset(field) ? null : undefined) });
  }

  /** With the names that the customization gives. */
  shown(schema, presets) {
    const { root_fields_namespace: namespace, type_names: types, field_names: fields } = this.entry.definition.customization ?? {};
    const transforms = [];
    if (types) transforms.push(new RenameTypes((name) => types.prefix + name));
    for (const { parent_type: parent, prefix } of fields ?? []) {
      transforms.push(new RenameRootFields((operation, name) => (operation === parent ? prefix + name : name)));
    }
    if (namespace) {
      transforms.push(new WrapType("Query", `${namespace}_query`, namespace), new WrapType("Mutation", `${namespace}_mutation`, namespace));
    }
    const executor = (request) => this.execute(request, presets);
    return wrapSchema({ schema, executor, transforms });
  }

  async execute({ document, variables, context }, presets) {
    const { client, session, cookies } = context;
    const given = structuredClone(variables ?? {});
    const operation = document.definitions.find(({ kind }) => kind === Kind.OPERATION_DEFINITION);
    for (const { variable, type } of operation.variableDefinitions ?? []) {
      const name = type.kind === Kind.NON_NULL_TYPE ? type.type.name?.value : type.name?.value;
      const value = given[variable.name.value];
      if (presets[name] && value) Object.assign(value, presets[name]);
    }
    const body = JSON.stringify({ query: print(document), variables: given, operationName: operation.name?.value ?? null });
    const theirs = this.entry.definition.forward_client_headers ? client : {};
    const headers = ordered(this.configured(), session, theirs);
    const answer = await send(this.entry.definition.url, { headers, body });
    this.sent.push({ headers, body, answer });
    cookies.push(...(answer.headers["set-cookie"] ?? []));
    return answer.json();
  }

  /** A request of a client: what it gets, with the cookies that are handed back. */
  async ask(query, { variables, headers = {}, secret = false } = {}) {
    const who = secret ? { session: { "x-hasura-role": "admin" } } : await this.who(headers);
    if (who.refused) return who.refused;
    const schema = this.roles.get(who.session["x-hasura-role"]);
    if (!schema) return refused("no query exists", "validation-failed");
    const cookies = [];
    const contextValue = { client: headers, session: who.session, cookies };
    const result = await graphql({ schema, source: query, variableValues: variables, contextValue });
    // Where there is an error, the data are thrown away.
    const errors = result.errors?.map(({ message, extensions }) => ({ message, extensions }));
    return { body: errors ? { errors } : { data: JSON.parse(JSON.stringify(result.data)) }, cookies };
  }

  who(headers) {
    return this.secret ? this.byToken(headers) : this.byHook(headers);
  }

  /** JWT mode. */
  async byToken(headers) {
    const given = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    const variables = (of) => Object.fromEntries(Object.entries(of).filter(([name]) => name.startsWith("x-hasura-")));
    if (given.authorization === undefined) {
      const role = this.settings.HASURA_GRAPHQL_UNAUTHORIZED_ROLE;
      if (!role) return { refused: refused("Missing Authorization header in JWT authentication mode", "invalid-headers") };
      // What a client without a token says of itself stands.
      return { session: { ...variables(given), "x-hasura-role": role } };
    }
    let claims;
    try {
      const { issuer, audience, allowed_skew: clockTolerance } = this.secret;
      const token = /^Bearer (\S+)$/.exec(given.authorization)?.[1] ?? "";
      claims = (await jwtVerify(token, this.keys, { issuer, audience, clockTolerance })).payload[this.secret.claims_namespace];
    } catch (error) {
      return { refused: refused(`Could not verify JWT: ${error.code}`, "invalid-jwt") };
    }
    const { "x-hasura-allowed-roles": allowed, "x-hasura-default-role": standard, ...rest } = claims;
    const isText = (value) => typeof value === "string";
    if (!Array.isArray(allowed) || ![...allowed, standard, ...Object.values(rest)].every(isText)) {
      return { refused: refused("invalid x-hasura-* claims", "jwt-invalid-claims") };
    }
    const role = given["x-hasura-role"] || standard;
    if (!allowed.includes(role)) return { refused: refused("Your requested role is not in allowed roles", "access-denied") };
    return { session: { ...variables(rest), "x-hasura-role": role } };
  }

  /** Webhook mode. */
  async byHook(headers) {
    const url = this.settings.HASURA_GRAPHQL_AUTH_HOOK;
    const request = { query: "{ articles { id } }", variables: null, operationName: null };
    const answer = this.settings.HASURA_GRAPHQL_AUTH_HOOK_MODE === "POST"
      ? await send(url, { body: JSON.stringify({ headers, request }) })
      : await send(url, { method: "GET", headers: forwarded(headers) });
    if (answer.status === 401) return { refused: refused("Authentication hook unauthorized this request", "access-denied") };
    if (answer.status !== 200) return { refused: refused("Invalid response from authorization hook", "unexpected") };
    const told = answer.json();
    if (!Object.values(told).every((value) => typeof value === "string")) return { refused: refused("Invalid response", "unexpected") };
    const session = {};
    for (const [name, value] of Object.entries(told)) {
      if (name.toLowerCase().startsWith("x-hasura-")) session[name.toLowerCase()] = value;
    }
    if (!session["x-hasura-role"]) return { refused: refused("x-hasura-role is missing", "unexpected") };
    return { session, age: /^max-age=(\d+)$/.exec(told["Cache-Control"])?.[1] };
  }
}
