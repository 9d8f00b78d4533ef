import type { ErrorObject } from "ajv";
import { CmmdError } from "../errors.js";
import { nearest, suggestion } from "./nearest.js";
import { dotted, type Path, placeAt, placeOfMissing, type TreeNode } from "./tree.js";

/** What a value that was checked is to the user: a stretch of the pipeline, or one component's options. */
export interface Subject {
  readonly root: TreeNode;
  /** Where in the pipeline the checked value stands. */
  readonly path: Path;
  /** The component that the options belong to, e.g. `transform "resize"`. */
  readonly component?: string;
  /** Keys beside `use` that are the pipeline's, not the component's. */
  readonly ownKeys?: readonly string[];
}

type Schema = Readonly<Record<string, unknown>>;

const steps = (pointer: string): Path =>
  pointer
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));

/** Ajv's findings as errors with places. Codes CMMD201, 202, 204 to 208. */
export function problems(found: readonly ErrorObject[], subject: Subject): CmmdError[] {
  // A constant of another type is wrong in one way, not in two.
  const kept = withoutBranches(
    found.filter((error) => error.keyword !== "type" || !allowed(error.parentSchema as Schema)),
  );
  const unknown = kept.filter((error) => error.keyword === "additionalProperties");
  const misspelt = new Set(
    unknown.map((error) => {
      const near = nearest(error.params.additionalProperty as string, Object.keys(propertiesOf(error)));
      return `${error.instancePath}/${near}`;
    }),
  );
  return kept.flatMap((error) => {
    // A required key that was only misspelt is reported once, where it stands.
    if (error.keyword === "required" && misspelt.has(`${error.instancePath}/${error.params.missingProperty}`))
      return [];
    const report = reports[error.keyword] ?? reports.other!;
    return [report(error, subject)];
  });
}

const propertiesOf = (error: ErrorObject) => (error.parentSchema?.properties ?? {}) as Readonly<Record<string, Schema>>;

/** Of an alternative that failed, what is worth telling: the branch that was meant, or that none was. */
function withoutBranches(found: ErrorObject[]): ErrorObject[] {
  const alternatives = found.filter((error) => error.keyword === "anyOf" || error.keyword === "oneOf");
  // The outermost alternatives first; their branches' alternatives are handled within.
  alternatives.sort((a, b) => a.schemaPath.length - b.schemaPath.length);
  const outer = alternatives[0];
  if (!outer) return found;
  const inside = (error: ErrorObject) =>
    error !== outer &&
    error.schemaPath.startsWith(`${outer.schemaPath}/`) &&
    error.instancePath.startsWith(outer.instancePath);
  const outside = found.filter((error) => error !== outer && !inside(error));
  const branches = outer.schema as readonly Schema[];
  const meant = branches
    .map((branch, i) => ({
      branch,
      errors: found.filter((e) => inside(e) && e.schemaPath.startsWith(`${outer.schemaPath}/${i}/`)),
    }))
    .filter(({ branch, errors }) => branch.const === undefined && fits(branch, outer.data) && errors.length > 0)
    .sort((a, b) => tagErrors(a.errors) - tagErrors(b.errors) || a.errors.length - b.errors.length)[0];
  return meant ? withoutBranches([...outside, ...meant.errors]) : [...withoutBranches(outside), outer];
}

/** Wrong constants, such as a discriminating `type`, weigh more than other mistakes. */
const tagErrors = (errors: readonly ErrorObject[]) => errors.filter((error) => error.keyword === "const").length;

function fits(branch: Schema, data: unknown): boolean {
  const type = Array.isArray(data) ? "array" : data === null ? "null" : typeof data;
  return branch.type === type || (branch.type === "integer" && type === "number");
}

type Report = (error: ErrorObject, subject: Subject) => CmmdError;

/** One kind of mistake each: its code, its words, and what to do. */
const reports: Readonly<Record<string, Report>> = {
  additionalProperties: unknownKey,
  required: missingKey,
  type: (error, subject) => wrongType(error, subject, expected(error.parentSchema as Schema)),
  anyOf: notAllowed,
  oneOf: notAllowed,
  enum: notAllowed,
  const: notAllowed,
  minimum: bound((limit) => `at least ${limit}`),
  maximum: bound((limit) => `at most ${limit}`),
  exclusiveMinimum: bound((limit) => `greater than ${limit}`),
  exclusiveMaximum: bound((limit) => `less than ${limit}`),
  multipleOf: bound((_, { params }) => `a multiple of ${params.multipleOf}`),
  minItems: bound((limit) => `a list of at least ${count(Number(limit), "entry", "entries")}`),
  maxItems: bound((limit) => `a list of at most ${count(Number(limit), "entry", "entries")}`),
  minLength: bound((limit) => (limit === "1" ? "text that is not empty" : `text of at least ${limit} characters`)),
  maxLength: bound((limit) => `text of at most ${limit} characters`),
  pattern: bound((_, { schema, parentSchema }) => parentSchema?.title ?? `text that matches ${schema}`),
  uniqueItems: bound(() => "a list without repetitions"),
  other: bound((_, { message }) => message ?? "another value"),
};

const lowerFirst = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);
const count = (n: number, one: string, many: string) => `${n} ${n === 1 ? one : many}`;

function isOwn(subject: Subject, path: Path): boolean {
  return subject.component === undefined || (path.length > 0 && (subject.ownKeys ?? []).includes(String(path[0])));
}

/** How messages call the value at `path`. */
function nameOf(subject: Subject, path: Path): string {
  if (isOwn(subject, path)) return `"${dotted(subject.root, [...subject.path, ...path])}"`;
  return path.length === 0 ? subject.component! : `option "${path.join(".")}" of ${subject.component}`;
}

function problem(code: string, message: string, hint: string | undefined, place: CmmdError["place"]): CmmdError {
  return new CmmdError(code, message, { hint, place, exitCode: 2 });
}

function unknownKey(error: ErrorObject, subject: Subject): CmmdError {
  const path = steps(error.instancePath);
  const key = error.params.additionalProperty as string;
  const at = [...subject.path, ...path, key];
  const present = Object.keys(error.data as object);
  const known = Object.keys(propertiesOf(error));
  const absent = known.filter((name) => !present.includes(name));
  const candidates = nearest(key, absent) === undefined ? known : absent;
  const place = placeAt(subject.root, at, "key");
  if (!isOwn(subject, [...path, key])) {
    const option = [...path, key].join(".");
    const hint = suggestion(
      key,
      candidates.filter((name) => name !== "use"),
      "options",
    );
    return problem("CMMD204", `unknown option "${option}" for ${subject.component}`, hint, place);
  }
  const parent = dotted(subject.root, [...subject.path, ...path]);
  const where = parent === "" ? "" : ` in "${parent}"`;
  return problem("CMMD201", `unknown key "${key}"${where}`, suggestion(key, candidates, "keys"), place);
}

function missingKey(error: ErrorObject, subject: Subject): CmmdError {
  const path = steps(error.instancePath);
  const key = error.params.missingProperty as string;
  const place = placeOfMissing(subject.root, [...subject.path, ...path]);
  const description = propertiesOf(error)[key]?.description;
  const hint = `Add it${typeof description === "string" ? `: ${description}` : "."}`;
  if (!isOwn(subject, [...path, key])) {
    const option = [...path, key].join(".");
    return problem("CMMD205", `missing option "${option}" of ${subject.component}`, hint, place);
  }
  const parent = dotted(subject.root, [...subject.path, ...path]);
  const where = parent === "" ? "" : ` in "${parent}"`;
  return problem("CMMD202", `missing key "${key}"${where}`, hint, place);
}

function wrongType(error: ErrorObject, subject: Subject, wanted: string): CmmdError {
  const path = steps(error.instancePath);
  const place = placeAt(subject.root, [...subject.path, ...path], "value");
  const message = `${nameOf(subject, path)} must be ${wanted}, but is ${described(error.data)}`;
  const hint = typeHint(error.data, wanted);
  const { description } = error.parentSchema as { readonly description?: string };
  // What belongs into a map or a list, its type does not say.
  const isNested = /a map|a list/.test(wanted) && description !== undefined;
  return problem("CMMD206", message, isNested ? `${hint} It is: ${lowerFirst(description)}` : hint, place);
}

/** Hints for the confusions that YAML invites. */
function typeHint(data: unknown, wanted: string): string {
  if (data === null) return "Give it a value, or remove the key.";
  if (typeof data === "string" && /number/.test(wanted) && data.trim() !== "" && Number.isFinite(Number(data)))
    return "Remove the quotes.";
  if (typeof data === "string" && wanted === "true or false" && /^(yes|no|on|off)$/i.test(data))
    return `Write ${/^(yes|on)$/i.test(data)}.`;
  if (typeof data === "number" && wanted.startsWith("a whole number")) return "Round it.";
  if (wanted === "text" && (typeof data === "number" || typeof data === "boolean")) return `Quote it: "${data}".`;
  return `Write ${wanted}.`;
}

function notAllowed(error: ErrorObject, subject: Subject): CmmdError {
  const { parentSchema } = error;
  const words = allowed(parentSchema as Schema);
  if (!words) return wrongType(error, subject, expected(parentSchema as Schema));
  const path = steps(error.instancePath);
  const list = words.map((word) => JSON.stringify(word));
  const message = `${nameOf(subject, path)} must be ${or(list)}, but is ${described(error.data)}`;
  const near = typeof error.data === "string" && nearest(error.data, words.map(String));
  const hint = near ? `Did you mean ${JSON.stringify(near)}?` : `Write ${or(list)}.`;
  return problem("CMMD207", message, hint, placeAt(subject.root, [...subject.path, ...path], "value"));
}

/** The values that an enumeration allows; undefined when the schema is not one. */
function allowed(schema: Schema): readonly unknown[] | undefined {
  if (schema.const !== undefined) return [schema.const];
  if (Array.isArray(schema.enum)) return schema.enum;
  const branches = (schema.anyOf ?? schema.oneOf) as readonly Schema[] | undefined;
  const values = branches?.map(allowed);
  return values?.every((value) => value !== undefined) ? values.flat() : undefined;
}

function bound(wanted: (limit: string, error: ErrorObject) => string): Report {
  return (error, subject) => {
    const path = steps(error.instancePath);
    const place = placeAt(subject.root, [...subject.path, ...path], "value");
    const must = wanted(String(error.params.limit), error);
    const message = `${nameOf(subject, path)} must be ${must}, but is ${described(error.data, true)}`;
    const { description } = error.parentSchema as { readonly description?: string };
    const write = `Write ${typeof error.data === "number" ? "a number that is " : ""}${must}.`;
    const hint = description ? `${write} It is: ${lowerFirst(description)}` : write;
    return problem("CMMD208", message, hint, place);
  };
}

const or = (words: readonly string[]) =>
  words.length < 2 ? (words[0] ?? "nothing") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;

const typeNames: Readonly<Record<string, string>> = {
  integer: "a whole number",
  number: "a number",
  string: "text",
  boolean: "true or false",
  array: "a list",
  object: "a map",
  null: "empty",
};

/** The kind of value that a schema asks for, in words. */
function expected(schema: Schema): string {
  const words = allowed(schema);
  if (words) return or(words.map((word) => JSON.stringify(word)));
  const branches = (schema.anyOf ?? schema.oneOf) as readonly Schema[] | undefined;
  if (branches) return or([...new Set(branches.map(expected))]);
  return or([schema.type ?? "a different value"].flat().map((type) => typeNames[String(type)] ?? String(type)));
}

/** A value in words, short enough for a message. */
export function described(data: unknown, exact = false): string {
  if (data === null || data === undefined) return "empty";
  if (Array.isArray(data)) return exact ? `a list of ${data.length}` : "a list";
  if (typeof data === "object") return "a map";
  if (typeof data === "string") return `the text ${JSON.stringify(data.length > 40 ? `${data.slice(0, 40)}…` : data)}`;
  return typeof data === "number" && !exact ? `the number ${data}` : String(data);
}
