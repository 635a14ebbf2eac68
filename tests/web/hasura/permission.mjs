// What Hasura's engine asks of a role's schema before it takes it: a part of what it has read by introspection, in which
// there are no directives, so that none may stand there but `@preset`.

import { buildASTSchema, isInputType, isNonNullType, Kind, parse, print, specifiedScalarTypes, valueFromAST } from "graphql";

const PRESET = "scalar PresetValue\ndirective @preset(value: PresetValue, static: Boolean) on INPUT_FIELD_DEFINITION | ARGUMENT_DEFINITION\n";
const builtIn = new Set(specifiedScalarTypes.map(({ name }) => name));
const kinds = {
  [Kind.SCALAR_TYPE_DEFINITION]: "GraphQLScalarType",
  [Kind.OBJECT_TYPE_DEFINITION]: "GraphQLObjectType",
  [Kind.INTERFACE_TYPE_DEFINITION]: "GraphQLInterfaceType",
  [Kind.UNION_TYPE_DEFINITION]: "GraphQLUnionType",
  [Kind.ENUM_TYPE_DEFINITION]: "GraphQLEnumType",
  [Kind.INPUT_OBJECT_TYPE_DEFINITION]: "GraphQLInputObjectType",
};

/** Everything that is wrong with it; nothing, where the engine takes it. */
export function complaints(sdl, upstream) {
  const found = [];
  const { definitions } = parse(sdl);
  const known = new Map(definitions.filter(({ name }) => name).map((one) => [one.name.value, one]));

  const directives = (node, where) => {
    for (const { name } of node.directives ?? []) {
      if (name.value !== "preset") found.push(`directive @${name.value} at ${where}`);
      else if (node.kind !== Kind.INPUT_VALUE_DEFINITION) found.push(`@preset at ${where}`);
    }
  };
  const named = (type) => (type.kind === Kind.NAMED_TYPE ? type.name.value : named(type.type));
  const kindOf = (node, type, where) => {
    const name = named(node);
    if (!builtIn.has(name) && !known.has(name)) found.push(`${name} at ${where} is not defined`);
    if (print(node) !== String(type)) found.push(`${where} is ${type}, not ${print(node)}`);
  };
  const values = (nodes, theirs, where) => {
    for (const node of nodes ?? []) {
      const at = `${where}.${node.name.value}`;
      const upstreamValue = theirs.find(({ name }) => name === node.name.value);
      directives(node, at);
      if (!upstreamValue) { found.push(`${at} does not exist`); continue; }
      kindOf(node.type, upstreamValue.type, at);
      const given = node.defaultValue && isInputType(upstreamValue.type) ? valueFromAST(node.defaultValue, upstreamValue.type) : undefined;
      if (JSON.stringify(given) !== JSON.stringify(upstreamValue.defaultValue)) found.push(`${at} has another default`);
      for (const { name, arguments: [argument] = [] } of node.directives ?? []) {
        if (name.value === "preset" && argument?.value.kind === Kind.ENUM) {
          const options = known.get(named(node.type))?.values?.map((value) => value.name.value) ?? [];
          if (!options.includes(argument.value.value)) found.push(`${at} is preset to what it cannot be`);
        }
      }
    }
    const given = new Set((nodes ?? []).map(({ name }) => name.value));
    for (const { name, type } of theirs) {
      if (isNonNullType(type) && !given.has(name)) found.push(`${where}.${name} is required`);
    }
  };

  const roots = definitions.filter(({ kind }) => kind === Kind.SCHEMA_DEFINITION);
  if (roots.length !== 1) found.push("one definition of the roots is needed");
  for (const definition of definitions) {
    if (definition.kind === Kind.SCHEMA_DEFINITION) continue;
    if (!(definition.kind in kinds)) { found.push(`a ${definition.kind} is not understood`); continue; }
    const name = definition.name.value;
    const theirs = upstream.getType(name);
    if (theirs?.constructor.name !== kinds[definition.kind]) { found.push(`${name} does not exist`); continue; }
    directives(definition, name);
    switch (definition.kind) {
      case Kind.OBJECT_TYPE_DEFINITION:
      case Kind.INTERFACE_TYPE_DEFINITION:
        for (const field of definition.fields ?? []) {
          const at = `${name}.${field.name.value}`;
          const theirField = theirs.getFields()[field.name.value];
          directives(field, at);
          if (!theirField) { found.push(`${at} does not exist`); continue; }
          kindOf(field.type, theirField.type, at);
          values(field.arguments, theirField.args, at);
        }
        break;
      case Kind.INPUT_OBJECT_TYPE_DEFINITION:
        values(definition.fields, Object.values(theirs.getFields()), name);
        break;
      case Kind.UNION_TYPE_DEFINITION:
        for (const member of definition.types ?? []) {
          if (!theirs.getTypes().some((type) => type.name === member.name.value)) found.push(`${name} | ${member.name.value}`);
        }
        break;
      case Kind.ENUM_TYPE_DEFINITION:
        for (const value of definition.values ?? []) {
          if (!theirs.getValue(value.name.value)) found.push(`${name}.${value.name.value} does not exist`);
        }
        break;
    }
  }
  return found;
}

/** The role's schema as it stands, presets and all. */
export const schemaOf = (sdl) => buildASTSchema(parse(PRESET + sdl));

/** What is preset: input type → field → value. */
export function presetsOf(sdl) {
  const presets = {};
  for (const { kind, name, fields } of parse(sdl).definitions) {
    if (kind !== Kind.INPUT_OBJECT_TYPE_DEFINITION) continue;
    for (const field of fields ?? []) {
      const preset = field.directives?.find((directive) => directive.name.value === "preset");
      if (preset) (presets[name.value] ??= {})[field.name.value] = preset.arguments[0].value.value;
    }
  }
  return presets;
}
