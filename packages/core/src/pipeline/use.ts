import { type Static, type TObject, type TSchema, Type } from "@sinclair/typebox";
import type { Kind } from "../plugin/plugin.js";

/** Keyword that marks, in a component's options, a place where a `use:` entry of the given kind stands. */
export const useKeyword = "x-cmmd-use";

/** A `use:` entry inside a component's options: the component's name, and its options beside it. */
export interface UseEntry {
  readonly use: string;
  readonly [option: string]: unknown;
}

/**
 * Options schema of a nested `use:` entry, e.g. `Type.Array(useOf("negatives"))`. The entry is checked against the installed
 * components of that kind; the component receives it with the defaults filled in.
 */
export function useOf(kind: Kind, options: { readonly description?: string; readonly default?: UseEntry } = {}) {
  return Type.Unsafe<UseEntry>({ ...options, [useKeyword]: kind });
}

/** The kind that a schema marks as a `use:` entry, if it does. */
export function markedKind(schema: TSchema): Kind | undefined {
  return (schema as { readonly [useKeyword]?: Kind })[useKeyword];
}

const clip = Type.Object(
  {
    frames: Type.Integer({ minimum: 1, description: "Video frames per clip." }),
    every: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: "Video frames from one clip's start to the next; `frames` when absent.",
      }),
    ),
    context: Type.Integer({
      default: 4,
      minimum: 0,
      description: "Video frames of real context kept on each side of a clip, for negatives.",
    }),
  },
  { description: "How recordings are cut into clips." },
);

/** Keys that the pipeline itself reads beside `use`, by kind; no component of that kind may have an option of such a name. */
export const besides = {
  datasets: Type.Object({
    clip,
    max_rejected: Type.Number({
      default: 0.1,
      minimum: 0,
      maximum: 1,
      description: "Fraction of clips that may be rejected before the stage fails.",
    }),
  }),
  losses: Type.Object({
    from: Type.Integer({ default: 0, minimum: 0, description: "First training step at which the loss is in force." }),
    until: Type.Optional(Type.Integer({ minimum: 1, description: "Step at which it ends; never when absent." })),
  }),
  negatives: Type.Object({
    weight: Type.Number({ default: 1, exclusiveMinimum: 0, description: "Share of this negative in the mixture." }),
  }),
} satisfies Partial<Record<Kind, TObject>>;

export type Beside<K extends keyof typeof besides> = Static<(typeof besides)[K]>;

/** Names of the keys that the pipeline reads beside `use` in an entry of `kind`. */
export function besideKeys(kind: Kind): readonly string[] {
  const beside = (besides as Partial<Record<Kind, TObject>>)[kind];
  return beside ? Object.keys(beside.properties) : [];
}
