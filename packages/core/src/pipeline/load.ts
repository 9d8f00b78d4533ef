import { dirname, resolve } from "node:path";
import { CmmdError, type Place } from "../errors.js";
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
  /** What the file inherits could not be read: nothing can be said to be absent. */
  readonly partial: boolean;
}

interface Reading {
  readonly env: Environment;
  readonly errors: CmmdError[];
  readonly broken: Map<string, number>;
  partial: boolean;
}

/** Reads `file` (absolute). All problems are collected: CMMD101 to CMMD111. */
export async function loadTree(file: string, overrides: readonly string[], env: Environment): Promise<Loaded> {
  const reading: Reading = { env, errors: [], broken: new Map(), partial: false };
  const inherited = await withInherited(file, [], reading);
  const { errors } = reading;
  const parsed = overrides
    .map((argument) => parseOverride(argument, errors))
    .filter((override): override is Override => override !== undefined);
  if (!inherited) return { ...reading, tree: undefined };
  const overridden = applyOverrides(withGenerations(inherited), parsed, errors) as MapNode;
  return { ...reading, tree: expandEnvironment(withGenerations(overridden), env, errors) as MapNode };
}

/** A single generation stands for a list of one. */
function withGenerations(tree: MapNode): MapNode {
  const generate = tree.entries.get("generate");
  if (generate?.value.type !== "map") return tree;
  const list: TreeNode = { type: "list", items: [generate.value], place: generate.value.place, implicit: true };
  return { ...tree, entries: new Map(tree.entries).set("generate", { ...generate, value: list }) };
}

async function withInherited(
  file: string,
  chain: readonly string[],
  reading: Reading,
  from?: Place,
): Promise<MapNode | undefined> {
  const read = await readTree(file, from);
  reading.errors.push(...read.errors);
  if (read.brokenAt !== undefined) reading.broken.set(file, read.brokenAt);
  const { tree } = read;
  if (tree?.type !== "map") {
    const place = tree?.place ?? { file, line: 1, column: 1, length: 1 };
    const message = tree ? "a pipeline file must be a map of keys" : "the file is empty";
    if (read.errors.length === 0) problem(reading, "CMMD104", message, "Begin with `cmmd: 1`.", place);
    return undefined;
  }
  const entries = new Map(tree.entries);
  const base = entries.get("extends");
  entries.delete("extends");
  const child: MapNode = { ...tree, entries };
  const parent = base && (await parentOf(base.value, file, chain, reading));
  if (base && !parent) reading.partial = true;
  return parent ? (mergeTrees(parent, child) as MapNode) : child;
}

/** The tree that `extends` names, itself with all that it inherits. */
async function parentOf(
  base: TreeNode,
  file: string,
  chain: readonly string[],
  reading: Reading,
): Promise<MapNode | undefined> {
  const { value, place } =
    base.type === "scalar" ? expandScalar(base, reading.env, reading.errors) : { ...base, value: null };
  if (typeof value !== "string" || value === "") {
    const hint = "Write one path, relative to this file: extends: other.yaml";
    problem(reading, "CMMD206", `"extends" must be the path of a pipeline file`, hint, place);
    return undefined;
  }
  const path = resolve(dirname(file), value);
  const visited = [...chain, file];
  if (!visited.includes(path)) return withInherited(path, visited, reading, place);
  const loop = [...visited.slice(visited.indexOf(path)), path].map((name) => name.split(/[\\/]/).at(-1)).join(" -> ");
  problem(reading, "CMMD107", `"extends" leads back to a file itself: ${loop}`, "Remove one of the `extends`.", place);
  return undefined;
}

function problem(reading: Reading, code: string, message: string, hint: string, place: Place): void {
  reading.errors.push(new CmmdError(code, message, { hint, place, exitCode: 2 }));
}
