import type { TObject, TSchema } from "@sinclair/typebox";
import type { Kind } from "../plugin/plugin.js";
import { frame } from "./frame.js";
import type { MapNode, Path } from "./tree.js";
import { besides, markedKind } from "./use.js";
import { soundBesides, vocoderFrame } from "./vocoder-frame.js";

/** What a file of one kind of pipeline may say. */
export interface Language {
  readonly frame: TObject;
  /** What is read beside `use` in an entry, by kind of component. */
  readonly besides: Partial<Record<Kind, TObject>>;
}

export const languages = {
  diffusion: { frame, besides },
  vocoder: { frame: vocoderFrame, besides: soundBesides },
} satisfies Readonly<Record<string, Language>>;

/** The kind of pipeline that a file describes: one with a `vocoder` of its own instead of a `model` trains that. */
export const languageOf = (tree: MapNode): keyof typeof languages =>
  tree.entries.has("vocoder") && !tree.entries.has("model") ? "vocoder" : "diffusion";

/** Kind of the component named at `path` of a pipeline file, outside of components' own options. */
export function kindAt(path: Path): Kind | undefined {
  for (const { frame } of Object.values(languages)) {
    const schema = schemaAt(frame, path);
    const kind = schema && markedKind(schema);
    if (kind) return kind;
  }
  return undefined;
}

function schemaAt(frame: TSchema, path: Path): TSchema | undefined {
  let schema: TSchema | undefined = frame;
  for (const step of path) {
    // A single generation may stand without its list.
    const list: boolean = schema?.type === "array";
    if (list) schema = schema?.items as TSchema | undefined;
    if (list && /^\d+$/.test(String(step))) continue;
    const properties = schema?.properties as Readonly<Record<string, TSchema>> | undefined;
    schema = properties && Object.hasOwn(properties, step) ? properties[step] : undefined;
  }
  return schema;
}
