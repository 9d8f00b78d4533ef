import { CmmdError, type Place } from "../errors.js";
import { kindAt } from "./languages.js";
import { mergeTrees, shorthand } from "./merge.js";
import { suggestion } from "./nearest.js";
import { parseTree } from "./read.js";
import type { MapEntry, MapNode, TreeNode } from "./tree.js";

/** Shown in place of a file's name for what was given as an argument. */
export const commandLine = "command line";

export interface Override {
  readonly path: readonly string[];
  /** Of the path's steps in the argument. */
  readonly places: readonly Place[];
  readonly value: TreeNode;
}

const inArgument = (line: string, offset: number, length: number): Place => ({
  file: commandLine,
  line: 1,
  column: offset + 1,
  length: Math.max(1, length),
  text: line,
});

/** Parses `a.b.0.c=value`, the value being YAML. Errors: CMMD110 (form), CMMD102 to CMMD106 (value). */
export function parseOverride(argument: string, errors: CmmdError[]): Override | undefined {
  const equals = argument.indexOf("=");
  const path = argument.slice(0, Math.max(equals, 0)).split(".");
  const malformed = equals < 0 || path.some((step) => step.trim() === "" || step !== step.trim());
  if (malformed || path[0] === "extends") {
    const message = malformed ? `"${argument}" is not an override` : `"extends" cannot be overridden`;
    errors.push(
      new CmmdError("CMMD110", message, {
        hint: malformed
          ? "Write key.key=value, e.g. train.steps=100 or train.losses.1.eta=1e-4."
          : "Write it into a pipeline file: overrides apply to what that file and its parents say together.",
        place: inArgument(argument, 0, argument.length),
        exitCode: 2,
      }),
    );
    return undefined;
  }
  let offset = 0;
  const places = path.map((step) => {
    const place = inArgument(argument, offset, step.length);
    offset += step.length + 1;
    return place;
  });
  const text = argument.slice(equals + 1);
  const read = parseTree({ file: commandLine, text, argument: { line: argument, offset: equals + 1 } });
  errors.push(...read.errors);
  if (read.brokenAt !== undefined) return undefined;
  const whole = inArgument(argument, 0, argument.length);
  return { path, places, value: read.tree ?? { type: "scalar", value: null, place: whole } };
}

/**
 * The tree with overrides applied in order, those of a `use` first, because another component's options mean nothing to the new one.
 * Errors: CMMD111 for a path that cannot be followed.
 */
export function applyOverrides(tree: TreeNode, overrides: readonly Override[], errors: CmmdError[]): TreeNode {
  const names = (override: Override) => (override.path.at(-1) === "use" ? 0 : 1);
  const ordered = [...overrides].sort((a, b) => names(a) - names(b));
  return ordered.reduce((result, override) => place(result, override, 0, errors), tree);
}

function place(node: TreeNode, override: Override, depth: number, errors: CmmdError[]): TreeNode {
  const { path, places, value } = override;
  if (depth === path.length) return value;
  const step = path[depth]!;
  const here = path.slice(0, depth);
  if (node.type === "list") {
    const numbered = /^\d+$/.test(step);
    // `generate.task` is understood while there is a single generation, written without its list.
    if (!numbered && node.implicit) return { ...node, items: [place(node.items[0]!, override, depth, errors)] };
    const index = numbered ? Number(step) : -1;
    const item = node.items[index];
    if (item === undefined) {
      errors.push(listProblem(node.items.length, override, depth));
      return node;
    }
    return { ...node, items: node.items.with(index, place(item, override, depth + 1, errors)) };
  }
  if (node.type === "scalar" && typeof node.value === "string" && kindAt(here))
    return place(shorthand(node), override, depth, errors);
  if (node.type === "scalar" && node.value !== null) {
    errors.push(
      new CmmdError(
        "CMMD111",
        `${quote(here)} is the single value ${JSON.stringify(node.value)}: it has no "${step}"`,
        {
          hint: `Override it as a whole: ${here.join(".")}=value.`,
          place: places[depth]!,
          exitCode: 2,
        },
      ),
    );
    return node;
  }
  const map: MapNode = node.type === "map" ? node : { type: "map", entries: new Map(), place: places[depth]! };
  const last = depth === path.length - 1;
  if (last && step === "use" && kindAt(here)) {
    const named: MapNode = {
      type: "map",
      entries: new Map([["use", { key: places[depth]!, value }]]),
      place: map.place,
    };
    return mergeTrees(map, named, here);
  }
  const before: MapEntry | undefined = map.entries.get(step);
  const missing: TreeNode = { type: "map", entries: new Map(), place: places[depth]! };
  const after = place(before?.value ?? missing, override, depth + 1, errors);
  const key = last || !before ? places[depth]! : before.key;
  return { ...map, entries: new Map(map.entries).set(step, { key, value: after }) };
}

function listProblem(length: number, { path, places }: Override, depth: number): CmmdError {
  const here = path.slice(0, depth);
  const step = path[depth]!;
  const indices = Array.from({ length }, (_, i) => String(i));
  const numeric = /^\d+$/.test(step);
  return new CmmdError(
    "CMMD111",
    numeric
      ? `${quote(here)} has ${length} ${length === 1 ? "entry" : "entries"}: there is no entry ${step}`
      : `${quote(here)} is a list: "${step}" is not the number of an entry`,
    {
      hint: numeric
        ? `Entries are counted from 0${length > 0 ? ` to ${length - 1}` : ""}.`
        : suggestion(step, indices, "entries"),
      place: places[depth]!,
      exitCode: 2,
    },
  );
}

const quote = (path: readonly string[]) => `"${path.join(".")}"`;
