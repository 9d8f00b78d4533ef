import { mkdir, readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { writeAtomically } from "../data/atomic.js";
import { writeSafetensors } from "../data/safetensors.js";
import { CmmdError } from "../errors.js";
import { suggestion } from "../pipeline/nearest.js";
import type { Json } from "../plugin/components.js";
import type { FeatureDefinition } from "../plugin/media.js";
import type { NamedTensors } from "../plugin/tensors.js";
import { loadRegistry } from "../registry/registry.js";
import { type PytorchTensors, readPytorch } from "./pytorch.js";

/** Reads a file and writes what `write` makes of it to `output`. Throws CMMD573, CMMD574, and CMMD576 where a file cannot be read or written. */
async function importing<T>(path: string, output: string, write: (file: PytorchTensors) => Promise<T>): Promise<T> {
  try {
    return await write(await readPytorch(path));
  } catch (cause) {
    if (cause instanceof CmmdError || !(cause instanceof Error) || !("code" in cause)) throw cause;
    throw new CmmdError("CMMD576", `${path} cannot be imported to ${output}: ${cause.message}`, {
      hint: "Check both paths and their permissions.",
      exitCode: 2,
      cause,
    });
  }
}

function counted(tensors: NamedTensors) {
  const all = Object.values(tensors);
  return { tensors: all.length, numbers: all.reduce((sum, { data }) => sum + data.length, 0) };
}

/** Writes the tensors of a PyTorch file as safetensors. Throws CMMD573, CMMD574 and CMMD576. */
export const importPytorch = (path: string, output: string) =>
  importing(path, output, async ({ tensors, left }) => {
    await mkdir(dirname(output), { recursive: true });
    await writeSafetensors(output, tensors);
    return { ...counted(tensors), left };
  });

export interface VocoderImport {
  /** Name of the vocoder component that the weights are for. */
  readonly vocoder: string;
  /** Of the features that it was trained on, what differs from the published default, as `name=value`. */
  readonly features: readonly string[];
  /** Import specifiers of the plugins that every pipeline has. */
  readonly builtins: readonly string[];
}

/** A definition with some of its values replaced. Throws CMMD345. */
function changed(definition: FeatureDefinition, changes: readonly string[]): FeatureDefinition {
  const wrong = (message: string, hint: string) => new CmmdError("CMMD345", message, { hint, exitCode: 2 });
  // What the weights fix is not to be chosen.
  const fixed = ["bins", "hop"];
  const known = Object.keys(definition).filter((name) => name !== "kind" && !fixed.includes(name));
  const entries = changes.map((text) => {
    const [, name, value] = /^(\w+)=(.+)$/.exec(text) ?? [];
    if (name === undefined) throw wrong(`"${text}" says nothing about features`, "Write e.g. rate=16000.");
    if (fixed.includes(name))
      throw wrong(`"${text}": the weights make it ${definition[name]}`, "Leave it out, or import other weights.");
    if (!known.includes(name)) throw wrong(`features have no "${name}"`, suggestion(name, known, "parameters"));
    if (!Number.isFinite(Number(value))) throw wrong(`"${text}": ${value} is no number`, "Write e.g. rate=16000.");
    return [name, Number(value)] as const;
  });
  return { ...definition, ...Object.fromEntries(entries) };
}

/** The `config.json` beside a checkpoint; undefined where there is none. Throws CMMD345 where it is no JSON. */
async function configBeside(path: string): Promise<Json | undefined> {
  const file = join(dirname(path), "config.json");
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw new CmmdError("CMMD345", `${file} is no JSON: ${(cause as Error).message}`, {
      hint: "Mend it, or take it away where the weights need none.",
      exitCode: 2,
      cause,
    });
  }
}

/**
 * Writes the weights of a vocoder in a PyTorch file as a folder that the vocoder takes: `model.safetensors` and `config.json` with the features
 * that it was trained on. Throws CMMD345 for features that cannot be and a vocoder that takes no published weights, CMMD570 for those of
 * another network, CMMD573, CMMD574 and CMMD576.
 */
export async function importVocoder(path: string, folder: string, { vocoder, features, builtins }: VocoderImport) {
  const registry = await loadRegistry({ builtins, plugins: [], base: dirname(path) });
  const body = registry.get("vocoders", vocoder) && (await registry.implementation("vocoders", vocoder));
  if (!body?.published) {
    const names: string[] = [];
    for (const name of registry.names("vocoders"))
      if ((await registry.implementation("vocoders", name)).published) names.push(name);
    throw new CmmdError("CMMD345", `there is no vocoder "${vocoder}" that takes published weights`, {
      hint: suggestion(vocoder, names, "such vocoders"),
      exitCode: 2,
    });
  }
  const { published } = body;
  return importing(path, folder, async (file) => {
    const { tensors, definition: usual, network } = published(file.tensors, path, await configBeside(path));
    const definition = changed(usual, features);
    await mkdir(folder, { recursive: true });
    await writeSafetensors(join(folder, "model.safetensors"), tensors);
    const config = {
      cmmd: 1,
      name: basename(path),
      vocoder: { use: vocoder, ...(network !== undefined && { network }) },
      features: { definition },
    };
    await writeAtomically(join(folder, "config.json"), [`${JSON.stringify(config, null, 2)}\n`]);
    return { ...counted(tensors), definition };
  });
}
