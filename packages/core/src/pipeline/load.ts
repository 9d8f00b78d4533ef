import { dirname, resolve } from "node:path";
import { CmmdError } from "../errors.js";
import { expandEnvironment, expandScalar } from "./environment.js";
import { mergeTrees } from "./merge.js";
import { applyOverrides, type Override, parseOverride } from "./overrides.js";
import { readTree } from "./read.js";
import type { MapNode, TreeNode } from "./tree.js";

export type Environment = Readonly<Record<string, string | undefined>>;

/** A pipeline file with what it inherits, overrides and the environment applied; not yet validated. */
export interface Loaded {
  readonly tree: MapNode | undefined;
  readonly errors: readonly CmmdError[];
  /** First line of each file with a syntax error, from which on it may have been misread. */
  readonly broken: ReadonlyMap<string, number>;
  /** Something that should be inherited could not be read, so that nothing can be said to be absent. */
  readonly partial: boolean;
}

/** Reads `file` (absolute). All problems are collected: CMMD101 to CMMD112. */
export async function loadTree(file: string, overrides: readonly string[], env: Environment): Promise<Loaded> {
  const errors: CmmdError[] = [];
  const broken = new Map<string, number>();
  const inherited = await withInherited(file, [], env, errors, broken);
  const partial = errors.some(({ place }) => place !== undefined) && inherits(errors);
  if (!inherited) return { tree: undefined, errors, broken, partial };
  const parsed = overrides
    .map((argument) => parseOverride(argument, errors))
    .filter((o): o is Override => o !== undefined);
  const tree = expandEnvironment(applyOverrides(inherited, parsed, errors), env, errors);
  return { tree: tree.type === "map" ? tree : undefined, errors, broken };
}

async function withInherited(
  file: string,
  chain: readonly string[],
  env: Environment,
  errors: CmmdError[],
  broken: Map<string, number>,
  from?: TreeNode,
): Promise<MapNode | undefined> {
  const read = await readTree(file, from?.place);
  errors.push(...read.errors);
  if (read.brokenAt !== undefined) broken.set(file, read.brokenAt);
  const { tree } = read;
  if (tree?.type !== "map") {
    if (read.errors.length === 0)
      errors.push(
        new CmmdError("CMMD104", tree ? "a pipeline file must be a map of keys" : "the file is empty", {
          hint: "Begin with `cmmd: 1`.",
          place: tree?.place ?? { file, line: 1, column: 1, length: 1 },
          exitCode: 2,
        }),
      );
    return undefined;
  }
  const own = new Map(tree.entries);
  const base = own.get("extends");
  own.delete("extends");
  const child: MapNode = { ...tree, entries: own };
  if (!base) return child;
  const node = base.value.type === "scalar" ? expandScalar(base.value, env, errors) : base.value;
  if (node.type !== "scalar" || typeof node.value !== "string" || node.value === "") {
    const hint = "Write one path, relative to this file: extends: other.yaml";
    errors.push(
      new CmmdError("CMMD206", `"extends" must be the path of a pipeline file`, {
        hint,
        place: node.place,
        exitCode: 2,
      }),
    );
    return child;
  }
  const path = resolve(dirname(file), node.value);
  if ([...chain, file].includes(path)) {
    const loop = [...chain, file, path].map((name) => name.split(/[\\/]/).at(-1)).join(" -> ");
    const hint = "Remove one of the `extends`.";
    errors.push(
      new CmmdError("CMMD107", `"extends" leads back to a file itself: ${loop}`, {
        hint,
        place: node.place,
        exitCode: 2,
      }),
    );
    return child;
  }
  const parent = await withInherited(path, [...chain, file], env, errors, broken, node);
  return parent ? (mergeTrees(parent, child) as MapNode) : child;
}
