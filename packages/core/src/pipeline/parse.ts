import { basename, dirname, resolve } from "node:path";
import { CmmdError, CmmdErrors } from "../errors.js";
import { absoluteSpecifier } from "../registry/import-plugin.js";
import type { Registry } from "../registry/registry.js";
import { Checker } from "./check.js";
import { checkConsistency, fillGuidance } from "./consistency.js";
import type { Frame } from "./frame.js";
import { type Language, languageOf, languages } from "./languages.js";
import { type Environment, type Loaded, loadTree } from "./load.js";
import { commandLine } from "./overrides.js";
import { resolveFrame, resolveVocoderFrame } from "./resolve.js";
import type { AnyPipeline } from "./resolved.js";
import { type MapEntry, type MapNode, plainValue } from "./tree.js";
import { checkVocoderPipeline } from "./vocoder-consistency.js";
import type { VocoderFrame } from "./vocoder-frame.js";

export interface ParseOptions {
  /** `a.b.0.c=value`, as given on the command line. */
  readonly overrides: readonly string[];
  readonly env: Environment;
  /** The built-in plugins; those that the pipeline names are added to them. */
  readonly registry: Registry;
}
export interface Parsed {
  readonly resolved: AnyPipeline;
  /** With the plugins that the pipeline names. */
  readonly registry: Registry;
}

/**
 * Reads and validates a pipeline file. Throws `CmmdErrors` (exit code 2) with everything that is wrong, in the order of the file, each
 * with its place and what to do. Codes: CMMD101 to 111 (reading), CMMD201 to 218 (content), CMMD250 to 256 (plugins).
 */
export async function parsePipeline(file: string, { overrides, env, registry }: ParseOptions): Promise<Parsed> {
  const path = resolve(file);
  const loaded = await loadTree(path, overrides, env);
  if (!loaded.tree) throw new CmmdErrors(loaded.errors);
  const tree = withName(loaded.tree, path);
  const plugins = await addPlugins(tree, path, registry);
  const kind = languageOf(tree);
  const language: Language = languages[kind];
  const checker = new Checker(plugins.registry, tree, language, plugins.errors.length > 0);
  const checked = checker.check(language.frame, plainValue(tree), []) as Record<string, unknown>;
  if (kind === "diffusion") fillGuidance(checker, checked);
  await (kind === "diffusion" ? checkConsistency : checkVocoderPipeline)(checker, checked);
  const errors = [...loaded.errors, ...worthTelling([...plugins.errors, ...checker.errors], loaded)];
  if (errors.length > 0) throw new CmmdErrors(inOrder(errors, path));
  const resolved =
    kind === "diffusion"
      ? resolveFrame(checked as Frame, plugins.registry, plugins.specifiers, path)
      : resolveVocoderFrame(checked as VocoderFrame, plugins.registry, plugins.specifiers, path);
  return { resolved, registry: plugins.registry };
}

/** The tree with a name: its file's, unless it has its own. What is absent from the whole is told at the file's beginning. */
function withName(tree: MapNode, path: string): MapNode {
  const start = { file: path, line: 1, column: 1, length: 1 };
  const name = basename(path).replace(/\.[^.]*$/, "");
  const named: MapEntry = { key: start, value: { type: "scalar", value: name, place: start } };
  const entries = new Map<string, MapEntry>(tree.entries);
  if (!entries.has("name")) entries.set("name", named);
  return { ...tree, entries, place: start };
}

/** Loads the plugins that the pipeline names; their problems are placed where they are named. */
async function addPlugins(tree: MapNode, path: string, registry: Registry) {
  const node = tree.entries.get("plugins")?.value;
  const items = node?.type === "list" ? node.items : [];
  const named = items.flatMap((item) => {
    if (item.type !== "scalar" || typeof item.value !== "string" || item.value === "") return [];
    const { place } = item;
    const base = place.file === commandLine ? dirname(path) : dirname(place.file);
    return [{ place, specifier: absoluteSpecifier(item.value, base) }];
  });
  const specifiers = named.map(({ specifier }) => specifier);
  if (specifiers.length === 0) return { registry, specifiers, errors: [] };
  const extended = await registry.extend(specifiers, dirname(path));
  const errors = extended.failures.flatMap(({ specifier, errors }) => {
    const place = named.find((entry) => entry.specifier === specifier)?.place;
    return errors.map(
      ({ code, message, hint, cause }) => new CmmdError(code, message, { hint, place, cause, exitCode: 2 }),
    );
  });
  return { registry: extended.registry, specifiers, errors };
}

/** Codes of things that are not there: in text that could not be read they may be there after all. */
const absences = new Set(["CMMD202", "CMMD205", "CMMD209", "CMMD210", "CMMD217"]);

/** Leaves out what follows only from an error that is already told: an unset variable's value, or the text after a syntax error. */
function worthTelling(found: readonly CmmdError[], loaded: Loaded): CmmdError[] {
  const variables = loaded.errors.filter(({ code }) => code === "CMMD105" || code === "CMMD106");
  return found.filter(({ code, place }) => {
    if (!place) return true;
    if ((loaded.partial || loaded.broken.size > 0) && absences.has(code)) return false;
    if (place.line >= (loaded.broken.get(place.file) ?? Number.POSITIVE_INFINITY)) return false;
    return !variables.some(
      ({ place: at }) =>
        at &&
        at.file === place.file &&
        at.line === place.line &&
        at.text === place.text &&
        at.column >= place.column &&
        at.column < place.column + place.length,
    );
  });
}

/** The pipeline's own file first, then the inherited ones, then the command line; within each from top to bottom. */
function inOrder(errors: readonly CmmdError[], path: string): CmmdError[] {
  const rank = (error: CmmdError) =>
    !error.place ? 0 : error.place.file === path ? 1 : error.place.file === commandLine ? 3 : 2;
  const keys = (error: CmmdError) => [rank(error), error.place?.line ?? 0, error.place?.column ?? 0];
  return [...errors].sort((a, b) => {
    const [left, right] = [keys(a), keys(b)];
    const differing = left.findIndex((value, i) => value !== right[i]);
    return differing < 0 ? 0 : left[differing]! - right[differing]!;
  });
}
