import { kindAt } from "./languages.js";
import type { MapEntry, MapNode, Path, ScalarNode, TreeNode } from "./tree.js";
import { besideKeys } from "./use.js";

/** A bare component name, written out as `{ use: name }`. */
export function shorthand(name: ScalarNode): MapNode {
  return { type: "map", entries: new Map([["use", { key: name.place, value: name }]]), place: name.place };
}

const isName = (node: TreeNode): node is ScalarNode => node.type === "scalar" && typeof node.value === "string";

function usedName(node: MapNode): unknown {
  const use = node.entries.get("use")?.value;
  return use?.type === "scalar" ? use.value : undefined;
}

/**
 * `child` over `base`: maps merge, everything else replaces. Where a component is named and `child` names another one, the former
 * component's options go with it; what the pipeline itself reads beside `use` (such as `data.clip`) stays.
 */
export function mergeTrees(base: TreeNode, child: TreeNode, path: Path = []): TreeNode {
  const kind = kindAt(path);
  const under = kind && isName(base) ? shorthand(base) : base;
  const over = kind && isName(child) ? shorthand(child) : child;
  if (under.type !== "map" || over.type !== "map") return child;
  const name = usedName(over);
  const switched = kind && name !== undefined && name !== usedName(under);
  const entries = new Map(switched ? keptEntries(under, besideKeys(kind)) : under.entries);
  for (const [key, entry] of over.entries) {
    const inherited = entries.get(key);
    entries.set(key, inherited ? { ...entry, value: mergeTrees(inherited.value, entry.value, [...path, key]) } : entry);
  }
  return { type: "map", entries, place: over.place };
}

function keptEntries(node: MapNode, keys: readonly string[]): [string, MapEntry][] {
  return [...node.entries].filter(([key]) => keys.includes(key));
}
