import { type TObject, type TSchema, Type } from "@sinclair/typebox";
import { CmmdError } from "../errors.js";
import { type Kind, kinds } from "../plugin/plugin.js";
import type { Registered, Registry } from "../registry/registry.js";
import { objectParts, validator } from "./compile.js";
import type { Language } from "./languages.js";
import { nearest, suggestion } from "./nearest.js";
import { described, problems } from "./problems.js";
import { dotted, type Path, placeAt, placeOfMissing, type TreeNode } from "./tree.js";
import { besideKeys, markedKind, type UseEntry } from "./use.js";

const kindNames: Readonly<Record<Kind, string>> = {
  datasets: "dataset",
  transforms: "transform",
  codecs: "codec",
  autoencoders: "autoencoder",
  vocoders: "vocoder",
  models: "model",
  losses: "loss",
  negatives: "negative",
  samplers: "sampler",
  guidances: "guidance",
  metrics: "metric",
  reports: "report",
};

type Plain = Record<string, unknown>;
const isMap = (value: unknown): value is Plain => typeof value === "object" && value !== null && !Array.isArray(value);

/** What `use:` entry stands where in a value, by the marks in its schema. */
export interface UsePosition {
  readonly kind: Kind;
  readonly path: Path;
  readonly value: unknown;
}

/** Every nested `use:` entry of a value that follows `schema`. */
export function usePositions(schema: TSchema, value: unknown, path: Path = []): UsePosition[] {
  const kind = markedKind(schema);
  if (kind) return [{ kind, path, value }];
  const branches = (schema.anyOf ?? schema.oneOf) as readonly TSchema[] | undefined;
  if (branches) {
    const found = branches
      .filter((branch) => !markedKind(branch) || isMap(value) || typeof value === "string")
      .flatMap((branch) => usePositions(branch, value, path));
    return [...new Map(found.map((position) => [position.path.join("/"), position])).values()];
  }
  if (Array.isArray(value)) {
    const items = schema.items as TSchema | readonly TSchema[] | undefined;
    return value.flatMap((item, i) => {
      const itemSchema = Array.isArray(items) ? (items[i] as TSchema | undefined) : (items as TSchema | undefined);
      return itemSchema ? usePositions(itemSchema, item, [...path, i]) : [];
    });
  }
  if (!isMap(value)) return [];
  const properties = objectParts(schema)?.properties ?? {};
  const others = Object.values((schema.patternProperties ?? {}) as Record<string, TSchema>)[0];
  const rest = others ?? (typeof schema.additionalProperties === "object" ? schema.additionalProperties : undefined);
  return Object.entries(value).flatMap(([key, item]) => {
    const itemSchema = Object.hasOwn(properties, key) ? properties[key] : (rest as TSchema | undefined);
    return itemSchema ? usePositions(itemSchema, item, [...path, key]) : [];
  });
}

const entrySchemas = new WeakMap<Language["besides"], WeakMap<Registered, TObject>>();

/** Schema of a whole entry: `use`, the component's options, and what such a pipeline reads beside them. */
export function entrySchema(registered: Registered, { besides }: Pick<Language, "besides">): TObject {
  const schemas = entrySchemas.get(besides) ?? new WeakMap<Registered, TObject>();
  entrySchemas.set(besides, schemas);
  const known = schemas.get(registered);
  if (known) return known;
  const { kind, name, described: component } = registered;
  const options = objectParts(component.options) ?? { properties: {}, required: [] };
  const beside = besides[kind];
  const schema = {
    ...Type.Object({ use: Type.Literal(name), ...beside?.properties, ...options.properties }),
    required: ["use", ...(beside?.required ?? []), ...options.required],
  } as TObject;
  schemas.set(registered, schema);
  return schema;
}

/** Checks values against schemas and nested entries against the registry; collects every problem. */
export class Checker {
  readonly errors: CmmdError[] = [];
  constructor(
    readonly registry: Registry,
    readonly root: TreeNode,
    /** Of the kind of pipeline that is checked. */
    readonly language: Language,
    /** Set when a plugin could not be loaded: a component that nobody knows may be that plugin's. */
    private readonly incomplete = false,
  ) {}

  problem(code: string, message: string, hint: string | undefined, place: CmmdError["place"]): void {
    // Equal entries of a default are wrong alike, and stand at the place of what they are the default of.
    const at = JSON.stringify(place);
    if (this.errors.some((error) => error.message === message && JSON.stringify(error.place) === at)) return;
    this.errors.push(new CmmdError(code, message, { hint, place, exitCode: 2 }));
  }

  /** `value` with defaults filled in, at every depth. Codes CMMD201 to CMMD209. */
  check<T extends TSchema>(
    schema: T,
    value: unknown,
    path: Path,
    component?: string,
    ownKeys?: readonly string[],
  ): unknown {
    const holder = { value: structuredClone(value) };
    const validate = validator(schema);
    if (!validate(holder.value)) {
      const subject = { root: this.root, path, component, ownKeys };
      this.errors.push(...problems(validate.errors ?? [], subject));
    }
    for (const position of usePositions(schema, holder.value)) {
      const entry = this.entry(position.kind, position.value, [...path, ...position.path]);
      replaceAt(holder, ["value", ...position.path], entry);
    }
    return holder.value;
  }

  /** A `use:` entry with defaults filled in, or undefined when it names no known component. */
  entry(kind: Kind, value: unknown, path: Path): UseEntry | undefined {
    const noun = kindNames[kind];
    const names = this.registry.names(kind);
    const where = `"${dotted(this.root, path)}"`;
    const written = typeof value === "string" ? { use: value } : value;
    if (!isMap(written)) {
      const message = `${where} must name a ${noun}, but is ${described(value)}`;
      const example = `{ use: ${names[0] ?? "name"} } with its options beside "use"`;
      const hint = value === null ? `Write ${example}, or remove the key.` : `Write ${example}.`;
      this.problem("CMMD206", message, hint, placeAt(this.root, path, "value"));
      return undefined;
    }
    const { use } = written;
    if (use === undefined) {
      const typo = nearest("use", Object.keys(written));
      const hint = typo === undefined ? suggestion("", names, kind) : `Did you mean "use" instead of "${typo}"?`;
      const place = typo === undefined ? placeOfMissing(this.root, path) : placeAt(this.root, [...path, typo], "key");
      this.problem("CMMD209", `missing "use" in ${where}: it says which ${noun}`, hint, place);
      return undefined;
    }
    const usePlace = placeAt(this.root, [...path, "use"], "value");
    if (typeof use !== "string") {
      this.problem("CMMD206", `"use" in ${where} must be text, but is ${described(use)}`, `Name a ${noun}.`, usePlace);
      return undefined;
    }
    const registered = this.registry.get(kind, use);
    if (!registered) {
      if (!this.incomplete) this.problem("CMMD203", `unknown ${noun} "${use}"`, this.otherwise(kind, use), usePlace);
      return undefined;
    }
    try {
      return this.check(
        entrySchema(registered, this.language),
        written,
        path,
        `${noun} "${use}"`,
        besideKeys(kind),
      ) as UseEntry;
    } catch (cause) {
      const message = `[plugin ${registered.plugin}] the options schema of ${noun} "${use}" cannot be used: ${(cause as Error).message}`;
      this.problem("CMMD253", message, "Report this to the plugin's author.", usePlace);
      return undefined;
    }
  }

  private otherwise(kind: Kind, use: string): string {
    const names = this.registry.names(kind);
    const elsewhere = kinds.find((other) => this.registry.get(other, use));
    if (nearest(use, names) === undefined && elsewhere) return `"${use}" is a ${kindNames[elsewhere]}.`;
    if (names.length === 0) return "No installed plugin brings one: name its plugin under `plugins:`.";
    return suggestion(use, names, kind);
  }
}

function replaceAt(holder: object, path: Path, value: unknown): void {
  let at = holder as Record<string | number, unknown>;
  for (const step of path.slice(0, -1)) at = at[step] as Record<string | number, unknown>;
  at[path.at(-1)!] = value;
}
