import type { TObject, TSchema } from "@sinclair/typebox";
import { type Kind, kinds } from "../plugin/plugin.js";
import type { Registered, Registry } from "../registry/registry.js";
import { entrySchema } from "./check.js";
import { strict } from "./compile.js";
import { type Language, languages } from "./languages.js";
import { type besides, useKeyword } from "./use.js";

type Json = Readonly<Record<string, unknown>>;

/**
 * JSON Schema (draft 7) of pipeline files, with every component of `registry`: for editors. A file that inherits may leave out
 * anything, so for it nothing is required.
 */
export function pipelineSchema(registry: Registry): Json {
  const drawings = (language: Language) => ({
    whole: new Drawing(registry, language, true),
    partial: new Drawing(registry, language, false),
  });
  const [diffusion, vocoder] = [drawings(languages.diffusion), drawings(languages.vocoder)];
  const inheriting = ["inheriting", "vocoder (inheriting)"].map((name) => ({ $ref: `#/definitions/${name}` }));
  const schema = {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "cmmd pipeline",
    type: "object",
    if: { type: "object", required: ["extends"] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { anyOf: inheriting },
    else: {
      if: { type: "object", required: ["vocoder"], not: { required: ["model"] } },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: { $ref: "#/definitions/vocoder" },
      else: { $ref: "#/definitions/pipeline" },
    },
    definitions: {
      pipeline: diffusion.whole.pipeline(),
      inheriting: diffusion.partial.pipeline(),
      vocoder: vocoder.whole.pipeline(),
      "vocoder (inheriting)": vocoder.partial.pipeline(),
      ...diffusion.whole.definitions(),
      ...diffusion.partial.definitions(),
      ...vocoder.whole.definitions(),
      ...vocoder.partial.definitions(),
    },
  };
  // TypeBox marks its schemas with symbols, which JSON does not have.
  return JSON.parse(JSON.stringify(schema)) as Json;
}

/** Draws schemas for editors: what has a default is not required, and nested entries refer to the definition of their kind. */
class Drawing {
  constructor(
    private readonly registry: Registry,
    private readonly language: Language,
    private readonly complete: boolean,
  ) {}

  private reference(kind: Kind): string {
    const own = this.language.besides[kind] !== languages.diffusion.besides[kind as keyof typeof besides];
    return `${kind}${own ? " of sound" : ""}${this.complete ? "" : " (inheriting)"}`;
  }

  pipeline(): Json {
    const drawn = this.draw(this.language.frame) as { properties: Record<string, Json>; required?: string[] };
    const { generate, ...properties } = drawn.properties;
    const list = generate as { items: Json; default: unknown; description: string } | undefined;
    return {
      ...drawn,
      properties: {
        ...properties,
        ...(list && {
          generate: { description: list.description, anyOf: [list.items, { type: "array", items: list.items }] },
        }),
      },
      // The name is the file's when absent.
      required: this.complete ? drawn.required?.filter((key) => key !== "name") : ["extends"],
    };
  }

  definitions(): Json {
    return Object.fromEntries(
      kinds.map((kind) => {
        const entries = this.registry.names(kind).map((name) => this.registry.get(kind, name)!);
        return [this.reference(kind), entries.length > 0 ? this.choice(entries) : { type: ["object", "string"] }];
      }),
    );
  }

  private choice(entries: readonly Registered[]): Json {
    const bare = entries.filter((entry) =>
      this.requiredOf(entrySchema(entry, this.language)).every((key) => key === "use"),
    );
    const names = bare.map(({ name, described }) => ({ const: name, description: described.summary }));
    const whole = entries.map((entry) => this.entry(entry));
    return { anyOf: [...(names.length > 0 ? [{ type: "string", anyOf: names }] : []), ...whole] };
  }

  private entry(registered: Registered): Json {
    const { name, plugin, described } = registered;
    const schema = this.draw(entrySchema(registered, this.language)) as {
      properties: Json;
      required?: readonly string[];
    };
    const use = { const: name, description: `${described.summary} (${plugin})` };
    // Without its list of required keys, an inheriting entry may leave out even the name that it inherits.
    const required = this.complete ? [...new Set(["use", ...(schema.required ?? [])])] : [];
    return {
      ...schema,
      title: name,
      description: described.summary,
      properties: { ...schema.properties, use },
      required,
    };
  }

  private requiredOf(schema: TObject): readonly string[] {
    const { required = [] } = schema as { required?: readonly string[] };
    return required.filter((key) => !Object.hasOwn(schema.properties[key] ?? {}, "default"));
  }

  /** The schema as it is enforced, as plain JSON. */
  private draw(schema: TSchema): Json {
    const nested: Json[] = [];
    const marked = JSON.parse(
      JSON.stringify(schema, (_, value: unknown) => {
        if (typeof value !== "object" || value === null || !(useKeyword in value)) return value;
        const { [useKeyword]: kind, ...rest } = value as Record<string, unknown>;
        nested.push({ ...rest, allOf: [{ $ref: `#/definitions/${this.reference(kind as Kind)}` }] });
        return { "x-cmmd-nested": nested.length - 1 };
      }),
    ) as TSchema;
    return this.finish(strict(marked), nested) as Json;
  }

  private finish(node: unknown, nested: readonly Json[]): unknown {
    if (Array.isArray(node)) return node.map((item) => this.finish(item, nested));
    if (typeof node !== "object" || node === null) return node;
    const index = (node as { "x-cmmd-nested"?: number })["x-cmmd-nested"];
    if (index !== undefined) return nested[index];
    const finished: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(node))
      finished[key] = key === "default" ? value : this.finish(value, nested);
    if (!isObjectSchema(finished)) return finished;
    const required = this.complete ? this.requiredOf(finished as unknown as TObject) : [];
    const { required: _, ...rest } = finished;
    return required.length > 0 ? { ...rest, required } : rest;
  }
}

function isObjectSchema(node: Json): boolean {
  return node.type === "object" && typeof node.properties === "object" && Array.isArray(node.required);
}
