import { createHash } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import type * as ort from "onnxruntime-node";
import type { Graph, TensorData } from "../ir/graph.js";
import { barriersAsChoices } from "../passes/barrier.js";
import { fitWebGpu } from "../passes/device-limits.js";
import { fewerShapes } from "../passes/fewer-shapes.js";
import { inPlace } from "../passes/in-place.js";
import { lateUpdates } from "../passes/late-updates.js";
import { largeProgram } from "../passes/liveness.js";
import { separateOnce } from "../passes/once.js";
import { recompute } from "../passes/recompute.js";
import { shortSums } from "../passes/short-sums.js";
import { splitTransposes } from "../passes/split-transposes.js";
import { takenRows } from "../passes/taken-rows.js";
import type { Structure } from "../tree.js";
import { codeVersion } from "./code-version.js";
import type { Device } from "./device.js";
import { explainLacking } from "./lacking-operators.js";
import { reverseNodes } from "./node-order.js";
import { onceModel, withComputed } from "./once.js";
import { encodeWithShapes } from "./onnx.js";
import { shapeFeeds } from "./open-shapes.js";
import { type CacheOptions, ProgramCache } from "./program-cache.js";
import { type Model, type OutputSpec, openSession } from "./session.js";

/** A program that is ready to run. */
export interface Compiled {
  readonly session: ort.InferenceSession;
  readonly outputs: readonly OutputSpec[];
  /** What it is fed with besides its arguments. */
  readonly shapes: Readonly<Record<string, ort.Tensor>>;
  /** How the function nests its results. */
  readonly structure: Structure;
}

export interface Traced {
  readonly graph: Graph;
  readonly structure: Structure;
  /** By the definitions of the products and convolutions. */
  readonly multiplyAdds: number;
}

export interface Source {
  readonly device: Device;
  /** Indexes of the inputs whose memory the program may use again. */
  readonly donated: ReadonlySet<number>;
  /** Data of the frozen inputs, by name. */
  readonly weights: ReadonlyMap<string, TensorData>;
  readonly cache: CacheOptions | undefined;
  /** What distinguishes this program from others under the same key: JSON. */
  readonly identity: unknown;
  /** Records and optimises the function. */
  trace(): Traced;
}

/** Traces, optimises and opens a program, or opens what the disk cache has of it. Throws JitError. */
export async function compile(source: Source): Promise<Compiled> {
  const { cache, device } = source;
  if (cache === undefined) {
    const { graph, structure } = source.trace();
    const model = modelOf(graph, source);
    return compiledOf(await openGraph(graph, model, source), model, structure);
  }
  const disk = new ProgramCache(cache);
  const keyed = cache.key === undefined ? undefined : disk.name([codeVersion(), cache.key, source.identity], device);
  const early = keyed && (await fromDisk(disk, keyed, source));
  if (early) return early;

  const { graph, structure } = source.trace();
  const model = modelOf(graph, source);
  const name = keyed ?? disk.name([sha256(model.bytes), model.once && sha256(model.once.bytes), structure], device);
  const known = keyed === undefined ? await fromDisk(disk, name, source) : undefined;
  if (known) return known;
  const opened = await openAndOptimise(disk, graph, model, source);
  await disk.write(name, { model: opened.model, structure, summary: summaryOf(graph) });
  return compiledOf(opened.session, model, structure);
}

/** What each device's graph goes through besides the passes for all of them; `donated` are indexes of inputs. */
export const fitted: Readonly<Record<Device, (graph: Graph, donated: ReadonlySet<number>) => Graph>> = {
  cpu: (graph, donated) => lateUpdates(fewerShapes(shortSums(takenRows(splitTransposes(recompute(graph))))), donated),
  cuda: barriersAsChoices,
  webgpu: fitWebGpu,
};

function modelOf(whole: Graph, { device, donated }: Source): Model {
  const parts = separateOnce(whole);
  const graph = fitted[device](parts?.each ?? whole, donated);
  const onCpu = device === "cpu";
  const { bytes, shapes } = encodeWithShapes(graph, { ownResults: onCpu, ...(onCpu && { open: largeProgram }) });
  const over = onCpu ? inPlace(graph, donated) : [];
  const outputs = graph.outputs.map(({ shape, dtype }, i) => ({
    shape,
    dtype,
    ...(over[i] !== undefined && { over: over[i] }),
  }));
  const once = parts && onceModel(parts, whole);
  return { name: graph.name, bytes, outputs, shapes, optimised: false, ...(once && { once }) };
}

/** Opens a model, after what comes before it. */
async function openModel(model: Model, { device, weights }: Source, saveOptimised?: string) {
  const { once, name } = model;
  return openSession(model, device, {
    weights: once ? await withComputed(once, name, weights) : weights,
    ...(saveOptimised !== undefined && { saveOptimised }),
  });
}

const compiledOf = (
  session: ort.InferenceSession,
  { outputs, shapes = [] }: Model,
  structure: Structure,
): Compiled => ({
  session,
  outputs,
  shapes: shapeFeeds(shapes),
  structure,
});

async function openGraph(graph: Graph, model: Model, source: Source, saveOptimised?: string) {
  try {
    return await openModel(model, source, saveOptimised);
  } catch (cause) {
    throw await explainLacking(cause, graph, source.device);
  }
}

/**
 * A session and the model to keep for it. ONNX Runtime can write what its optimisations made of a model, and opening that is several
 * times quicker; but not without the weights where they are constants, and not what a GPU provider compiled.
 */
async function openAndOptimise(disk: ProgramCache, graph: Graph, model: Model, source: Source) {
  const frozen = graph.inputs.some((input) => input.frozen);
  const path = source.device === "cpu" && !frozen ? await disk.temporary() : undefined;
  if (path === undefined) return { session: await openGraph(graph, model, source), model };
  try {
    const session = await openGraph(graph, model, source, path);
    return { session, model: { ...model, bytes: reverseNodes(await readFile(path)), optimised: true } };
  } catch {
    // The folder may be full; a program that cannot be opened at all fails here again.
    return { session: await openGraph(graph, model, source), model };
  } finally {
    await rm(path, { force: true });
  }
}

async function fromDisk(disk: ProgramCache, name: string, source: Source): Promise<Compiled | undefined> {
  const entry = await disk.read(name);
  if (entry === undefined) return undefined;
  try {
    const session = await openModel(entry.model, source);
    return compiledOf(session, entry.model, entry.structure);
  } catch (cause) {
    await disk.remove(name, cause);
    return undefined;
  }
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** Number of nodes, and of each operator. */
function summaryOf({ nodes }: Graph): string {
  const counts = new Map<string, number>();
  for (const { op } of nodes) counts.set(op, (counts.get(op) ?? 0) + 1);
  const byCount = Array.from(counts).toSorted(([, a], [, b]) => b - a);
  return `${nodes.length} nodes: ${byCount.map(([op, count]) => `${count} ${op}`).join(", ")}`;
}
