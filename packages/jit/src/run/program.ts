import * as tf from "@tensorflow/tfjs";
import * as ort from "onnxruntime-node";
import { JitError } from "../errors.js";
import { checkHostTensor, DeviceTensor, dtypeOf, type HostTensor, isHostTensor } from "../host.js";
import type { Graph } from "../ir/graph.js";
import { optimise } from "../passes/optimise.js";
import { type InputSpec, trace } from "../trace/backend.js";
import { flattenTree, type MapTree, type Structure, unflattenTree } from "../tree.js";
import { type Device, openSession, readTensor, runSession } from "./session.js";

export interface JitOptions {
  /** Shown in printed graphs and errors. */
  readonly name?: string;
  /** Default cpu. */
  readonly device?: Device;
  /** Indexes of arguments whose device tensors the program consumes: their memory is used again, they cannot be. */
  readonly donate?: readonly number[];
  /** Indexes of arguments (weights) that become constants of the program at the first call; later calls must pass the same object. */
  readonly freeze?: readonly number[];
}

type Leaf = HostTensor | DeviceTensor;
type Inputs<A extends readonly unknown[]> = { readonly [K in keyof A]: MapTree<A[K], tf.Tensor, Leaf> };

/** A traced function. Programs are compiled once for all shapes and types of their inputs, and kept. */
export interface Program<A extends readonly unknown[], R> {
  (...args: Inputs<A>): Promise<MapTree<R, tf.Tensor, DeviceTensor>>;
  /** The optimised graph for such arguments, without running it. `String(graph)` is readable. */
  lower(...args: Inputs<A>): Graph;
  /** Frees the compiled programs. */
  dispose(): Promise<void>;
}

interface Compiled {
  readonly session: ort.InferenceSession;
  readonly graph: Graph;
  readonly structure: Structure;
}

const isLeaf = (node: unknown): node is Leaf => node instanceof DeviceTensor || isHostTensor(node);
const isTensor = (node: unknown): node is tf.Tensor => node instanceof tf.Tensor;

/**
 * Compiles a function of trees of tensors, written with TensorFlow.js, into one static graph that runs on `device`. The function is
 * called with placeholders, so it must be pure: no reading of values, no random numbers. Throws JitError.
 */
export function jit<A extends readonly unknown[], R>(fn: (...args: A) => R, options: JitOptions = {}): Program<A, R> {
  const { name = fn.name || "program", device = "cpu", donate = [], freeze = [] } = options;
  const cache = new Map<string, Promise<Compiled>>();
  const frozen = new Map<number, unknown>();
  const pool = new Map<string, ort.Tensor[]>();

  /** Leaves of all arguments that are inputs of the graph, with the index of their argument. */
  const inputsOf = (args: readonly unknown[]) => {
    const leaves: { readonly leaf: Leaf; readonly argument: number }[] = [];
    const structures = args.map((arg, argument) => {
      const { leaves: found, structure } = flattenOrExplain(arg, `argument ${argument} of ${name}`);
      for (const leaf of found) leaves.push({ leaf, argument });
      return structure;
    });
    return { leaves, structures };
  };

  const traceWith = (structures: readonly Structure[], specs: readonly InputSpec[]) => {
    let structure: Structure = null;
    const graph = trace(name, specs, (tensors) => {
      const result = fn(...(unflattenTree<tf.Tensor>(structures as Structure, tensors) as unknown as A));
      if (result instanceof Promise) {
        throw new JitError("JIT108", `the function of program ${name} is async`, {
          hint: "Trace a function that returns tensors at once.",
        });
      }
      const flat = flattenTree(result, isTensor);
      structure = flat.structure;
      return flat.leaves;
    });
    return { graph: optimise(graph), structure };
  };

  const compile = async (
    structures: readonly Structure[],
    leaves: readonly { readonly leaf: Leaf; readonly argument: number }[],
  ): Promise<Compiled> => {
    const specs = await Promise.all(
      leaves.map(async ({ leaf, argument }) =>
        freeze.includes(argument) ? frozenSpec(leaf instanceof DeviceTensor ? await leaf.read() : leaf) : specOf(leaf),
      ),
    );
    const { graph, structure } = traceWith(structures, specs);
    return { graph, structure, session: await openSession(graph, device) };
  };

  const checkFrozen = (args: readonly unknown[]) => {
    for (const index of freeze) {
      if (!frozen.has(index)) frozen.set(index, args[index]);
      else if (frozen.get(index) !== args[index]) {
        throw new JitError("JIT304", `program ${name} was given other values for its frozen argument ${index}`, {
          hint: "Pass the same object on every call, or make a new program for other weights.",
        });
      }
    }
  };

  const run = async (...args: readonly unknown[]) => {
    checkFrozen(args);
    const { leaves, structures } = inputsOf(args);
    const key = JSON.stringify([structures, leaves.map(({ leaf }) => [dtypeOfLeaf(leaf), leaf.shape])]);
    const known = cache.get(key) ?? compile(structures, leaves);
    cache.set(key, known);
    const compiled = await known.catch((error: unknown) => {
      cache.delete(key);
      throw error;
    });

    const given = leaves.filter(({ argument }) => !freeze.includes(argument));
    const feeds = Object.fromEntries(given.map(({ leaf }, i) => [`i${i}`, runtimeTensor(leaf)]));
    const fetches = Object.fromEntries(
      compiled.graph.outputs.map(({ dtype, shape }, i) => [`o${i}`, pool.get(`${dtype}[${shape}]`)?.pop() ?? null]),
    );
    const results = await runSession(compiled.session, feeds, fetches);
    for (const { leaf, argument } of given) {
      if (!donate.includes(argument) || !(leaf instanceof DeviceTensor)) continue;
      recycle(leaf.release("donated"));
    }
    const outputs = compiled.graph.outputs.map((_, i) => new DeviceTensor(results[`o${i}`]!, readTensor));
    return unflattenTree(compiled.structure, outputs);
  };

  /** A donated tensor's memory holds a result of the next run: the state goes back and forth between two buffers. */
  const recycle = (tensor: ort.Tensor) => {
    if (tensor.location !== "cpu") {
      tensor.dispose();
      return;
    }
    const key = `${tensor.type}[${tensor.dims}]`;
    const free = pool.get(key) ?? [];
    pool.set(key, free);
    free.push(tensor);
  };

  return Object.assign(run as unknown as Program<A, R>, {
    lower: (...args: readonly unknown[]) => {
      const { leaves, structures } = inputsOf(args);
      const specs = leaves.map(({ leaf, argument }) =>
        freeze.includes(argument) && !(leaf instanceof DeviceTensor) ? frozenSpec(leaf) : specOf(leaf),
      );
      return traceWith(structures, specs).graph;
    },
    dispose: async () => {
      const compiled = await Promise.all(cache.values());
      cache.clear();
      pool.clear();
      await Promise.all(compiled.map(({ session }) => session.release()));
    },
  });
}

const dtypeOfLeaf = (leaf: Leaf) => (leaf instanceof DeviceTensor ? leaf.dtype : dtypeOf(leaf.data));
const specOf = (leaf: Leaf): InputSpec => ({ shape: leaf.shape, dtype: dtypeOfLeaf(leaf) });
const frozenSpec = ({ shape, data }: HostTensor): InputSpec => ({ shape, data, dtype: dtypeOf(data) });

function flattenOrExplain(arg: unknown, place: string) {
  try {
    const flat = flattenTree(arg, isLeaf);
    for (const leaf of flat.leaves) if (!(leaf instanceof DeviceTensor)) checkHostTensor(leaf, place);
    return flat;
  } catch (cause) {
    if (cause instanceof JitError) throw cause;
    throw new JitError("JIT305", `${place}: ${(cause as Error).message}`, {
      cause,
      hint: "Pass { shape, data } with a Float32Array, Int32Array or Uint8Array, or a result of a program.",
    });
  }
}

function runtimeTensor(leaf: Leaf): ort.Tensor {
  if (leaf instanceof DeviceTensor) return leaf.tensor;
  return new ort.Tensor(dtypeOf(leaf.data), leaf.data as Float32Array, leaf.shape);
}
