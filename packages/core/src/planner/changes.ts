import type { Json } from "../plugin/components.js";

/** A leaf that differs between two descriptions; `undefined` where one of them has no such leaf. */
export interface Change {
  readonly path: string;
  readonly from: Json | undefined;
  readonly to: Json | undefined;
}

/** Keys that would read like an index, like two keys, or like none. */
const unclear = /^$|^\d+$|\./;

/** The leaves of a description by dotted path; empty lists and maps are leaves too. */
function leaves(value: Json, path = "", found = new Map<string, Json>()): Map<string, Json> {
  const members = value !== null && typeof value === "object" ? Object.entries(value) : [];
  if (members.length === 0) found.set(path, value);
  for (const [key, member] of members) {
    if (member === undefined) continue;
    const shown = !Array.isArray(value) && unclear.test(key) ? JSON.stringify(key) : key;
    leaves(member, path === "" ? shown : `${path}.${shown}`, found);
  }
  return found;
}

const same = (a: Json | undefined, b: Json | undefined) =>
  a === b || (a !== undefined && b !== undefined && JSON.stringify(a) === JSON.stringify(b));

/** The leaves in which two descriptions differ, in the order of the newer one, then those that it lacks. */
export function changesBetween(from: Json, to: Json): Change[] {
  const [old, now] = [leaves(from), leaves(to)];
  return [...new Set([...now.keys(), ...old.keys()])]
    .map((path) => ({ path, from: old.get(path), to: now.get(path) }))
    .filter((change) => !same(change.from, change.to));
}

const hash = /^[0-9a-f]{64}$/;

function showLeaf(value: Json | undefined): string {
  if (value === undefined) return "absent";
  if (typeof value === "string" && hash.test(value)) return value.slice(0, 8);
  return JSON.stringify(value);
}

/** A change as the user reads it, by the path in the pipeline file: `train.steps: 100 -> 200`. */
export function showChange({ path, from, to }: Change): string {
  const shown = path.replace(/^depends\./, "").replaceAll(".options.", ".");
  return `${shown}: ${showLeaf(from)} -> ${showLeaf(to)}`;
}
