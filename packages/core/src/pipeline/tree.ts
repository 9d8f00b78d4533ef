import type { Place } from "../errors.js";

export type Scalar = string | number | boolean | null;
export type Path = readonly (string | number)[];

/** `${NAME}` or `${NAME:-default}` in a text. */
export interface Variable {
  readonly name: string;
  readonly default: string | undefined;
  readonly place: Place;
}

/** YAML values that remember where they were written; files, inherited files and overrides become one such tree. */
export interface ScalarNode {
  readonly type: "scalar";
  readonly value: Scalar;
  readonly place: Place;
  /** Texts between variables and the variables themselves, when the text reads the environment. */
  readonly parts?: readonly (string | Variable)[];
  /** Written without quotes, so that what the environment gives may be a number. */
  readonly plain?: boolean;
}
export interface ListNode {
  readonly type: "list";
  readonly items: readonly TreeNode[];
  readonly place: Place;
  /** A single entry that stands for a list of one; its index is not part of what the user wrote. */
  readonly implicit?: boolean;
}
export interface MapEntry {
  readonly key: Place;
  readonly value: TreeNode;
}
export interface MapNode {
  readonly type: "map";
  readonly entries: ReadonlyMap<string, MapEntry>;
  readonly place: Place;
}
export type TreeNode = ScalarNode | ListNode | MapNode;

/** The plain value of a tree. */
export function plainValue(node: TreeNode): unknown {
  if (node.type === "scalar") return node.value;
  if (node.type === "list") return node.items.map(plainValue);
  return Object.fromEntries([...node.entries].map(([key, { value }]) => [key, plainValue(value)]));
}

function child(node: TreeNode, step: string | number): MapEntry | undefined {
  if (node.type === "map") return node.entries.get(String(step));
  const item = node.type === "list" ? node.items[Number(step)] : undefined;
  return item && { key: item.place, value: item };
}

/** The node at `path`, if it was written at all. */
export function nodeAt(node: TreeNode, path: Path): TreeNode | undefined {
  let at: TreeNode | undefined = node;
  for (const step of path) at = at && child(at, step)?.value;
  return at;
}

/**
 * Where the value at `path` (or its key) was written; for what was not written, the nearest thing around it: the name of the
 * component or the key that should have held it.
 */
export function placeAt(root: TreeNode, path: Path, part: "key" | "value"): Place {
  let at: MapEntry = { key: root.place, value: root };
  for (const [i, step] of path.entries()) {
    const next = child(at.value, step);
    if (!next) return surrounding(at);
    if (part === "key" && i === path.length - 1) return next.key;
    at = next;
  }
  return isEmpty(at.value) ? at.key : at.value.place;
}

/** Where to point for something that a map lacks: its component's name, else its key. */
export function placeOfMissing(root: TreeNode, path: Path): Place {
  const node = nodeAt(root, path);
  return node && node.type !== "list"
    ? surrounding({ key: placeAt(root, path, "key"), value: node })
    : placeAt(root, path, "key");
}

function surrounding(entry: MapEntry): Place {
  const { value } = entry;
  const use = value.type === "map" ? value.entries.get("use") : undefined;
  if (use) return use.value.place;
  return value.type === "scalar" && !isEmpty(value) ? value.place : entry.key;
}

/** An empty value has no characters to underline. */
function isEmpty(node: TreeNode): boolean {
  return node.type === "scalar" && node.value === null;
}

/** The path as the user writes it: `train.losses.1.eta`. */
export function dotted(root: TreeNode | undefined, path: Path): string {
  const shown: string[] = [];
  let node = root;
  for (const step of path) {
    if (!(node?.type === "list" && node.implicit)) shown.push(String(step));
    node = node && child(node, step)?.value;
  }
  return shown.join(".");
}
