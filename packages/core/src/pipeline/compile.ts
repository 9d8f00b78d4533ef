import { type TSchema, Kind as TypeKind } from "@sinclair/typebox";
import { Ajv, type ValidateFunction } from "ajv";
import { markedKind, useKeyword } from "./use.js";

type Schema = Readonly<Record<string, unknown>>;

/** Keywords whose value is a schema, a list of schemas, or schemas by name. */
const single = new Set(["additionalProperties", "contains", "not", "if", "then", "else", "propertyNames"]);
const several = new Set(["anyOf", "oneOf", "items"]);
const named = new Set(["properties", "patternProperties", "$defs", "definitions"]);

/**
 * The schema as it is enforced: objects refuse keys that they do not list, intersections are joined into one object (each half would
 * refuse the other's keys), and nested `use:` entries pass, since they are checked on their own.
 */
export function strict(schema: TSchema): TSchema {
  return close(schema as unknown as Schema) as unknown as TSchema;
}

function close(schema: unknown): unknown {
  if (typeof schema !== "object" || schema === null) return schema;
  if (markedKind(schema as TSchema)) {
    const { [useKeyword]: _, ...rest } = schema as Schema;
    return rest;
  }
  const joined = joinIntersection(schema as Schema);
  const closed: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(joined)) closed[key] = closeKeyword(key, value);
  if (closed.properties && closed.additionalProperties === undefined && closed.patternProperties === undefined)
    closed.additionalProperties = false;
  return closed;
}

function closeKeyword(key: string, value: unknown): unknown {
  if (several.has(key) && Array.isArray(value)) return value.map(close);
  if (single.has(key) || key === "items") return close(value);
  if (named.has(key)) return Object.fromEntries(Object.entries(value as Schema).map(([name, s]) => [name, close(s)]));
  return value;
}

function joinIntersection(schema: Schema): Schema {
  const { allOf, ...rest } = schema;
  if (!Array.isArray(allOf)) return schema;
  const parts = [rest, ...(allOf as Schema[]).map(joinIntersection)];
  if (!parts.slice(1).every((part) => part.properties)) return schema;
  return {
    ...rest,
    type: "object",
    properties: Object.assign({}, ...parts.map((part) => part.properties ?? {})),
    required: [...new Set(parts.flatMap((part) => (part.required as string[] | undefined) ?? []))],
  };
}

/** The properties and required names of an object schema; undefined for any other schema. */
export function objectParts(
  schema: TSchema,
): { readonly properties: Readonly<Record<string, TSchema>>; readonly required: readonly string[] } | undefined {
  const { type, properties, required } = joinIntersection(schema as unknown as Schema);
  if (type !== "object") return undefined;
  return {
    properties: (properties ?? {}) as Readonly<Record<string, TSchema>>,
    required: (required ?? []) as readonly string[],
  };
}

let ajv: Ajv | undefined;
const compiled = new WeakMap<object, ValidateFunction>();

/**
 * The validator of a schema, compiled at first use; it fills in defaults. Each component has its own, because one validator of
 * everything installed would take longer to compile than the rest of the start.
 */
export function validator(schema: TSchema): ValidateFunction {
  const known = compiled.get(schema);
  if (known) return known;
  ajv ??= new Ajv({
    allErrors: true,
    useDefaults: true,
    verbose: true,
    strict: false,
    validateFormats: false,
    meta: false,
    validateSchema: false,
    addUsedSchema: false,
    // The optimiser of the generated code takes longer than the checks that it would speed up.
    code: { optimize: false },
  });
  const validate = ajv.compile(strict(schema));
  compiled.set(schema, validate);
  return validate;
}

/** Whether a value is a TypeBox schema rather than any object. */
export function isSchema(value: unknown): value is TSchema {
  return typeof value === "object" && value !== null && TypeKind in value;
}
