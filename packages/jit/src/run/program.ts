import type * as tf from "@tensorflow/tfjs";
import type * as ort from "onnxruntime-node";
import { JitError } from "../errors.js";
import { DeviceTensor } from "../host.js";
import type { Graph, TensorData } from "../ir/graph.js";
import { mixedPrecision } from "../passes/mixed-precision.js";
import { optimise } from "../passes/optimise.js";
import { type InputSpec, trace } from "../trace/backend.js";
import { type MapTree, type Structure, unflattenTree } from "../tree.js";
import {
  atOnce,
  dtypeOfLeaf,
  type Input,
  inputsOf,
  type Leaf,
  refuseInside,
  resultsOf,
  runtimeTensor,
} from "./arguments.js";
import { BufferPool } from "./buffer-pool.js";
import { type Compiled, compile, fitted, type Traced } from "./compile.js";
import type { Device } from "./device.js";
import { EagerProgram } from "./eager-program.js";
import { factsOf, type ProgramFacts } from "./facts.js";
import { memoryFor, runInto } from "./own-results.js";
import type { CacheOptions } from "./program-cache.js";
import { readTensor } from "./read-back.js";
import { repeated, stateFirst, stepSpecs } from "./repeat.js";
import { type OutputSpec, runSession } from "./session.js";
import { type OnnxModel, standardModel } from "./standard-model.js";

export interface JitOptions {
  /** Shown in printed graphs and errors. */
  readonly name?: string;
  /** Default cpu. Of engine onnx. */
  readonly device?: Device;
  /**
   * `onnx`, the default, compiles; `tfjs` runs the function as it is, one operation after the other, on one of tfjs's backends.
   * Arguments and results look the same.
   */
  readonly engine?: "onnx" | "tfjs";
  /** Of engine tfjs: tensorflow, wasm, cpu or another that is registered. Default the first of these that is installed. */
  readonly backend?: string;
  /** Indexes of arguments whose device tensors the program consumes: their memory is used again, they cannot be. */
  readonly donate?: readonly number[];
  /** Indexes of arguments (weights) that become constants of the program at the first call; later calls must pass the same object. */
  readonly freeze?: readonly number[];
  /**
   * Runs so many steps in one program, for devices between whose runs tensors cannot stay (cuda). The function takes the state and the
   * inputs of one step and returns `{ state, ... }`; the program takes the state and every other argument stacked in a new first
   * dimension, and gives the last state and the other results stacked.
   */
  readonly repeat?: number;
  /**
   * `mixed` computes products in float16, for GPUs that have it (the WebGPU feature shader-f16); inputs, results and everything that
   * needs its range stay float32. Scale the loss of a training step (`scaledValueAndGrad`). Default float32.
   */
  readonly precision?: "float32" | "mixed";
  /** Keeps compiled programs on disk for the next process. */
  readonly cache?: CacheOptions;
}

type Inputs<A extends readonly unknown[]> = { readonly [K in keyof A]: MapTree<A[K], tf.Tensor, Leaf> };

/** A traced function. Programs are compiled once for all shapes and types of their inputs, and kept. */
export interface Program<A extends readonly unknown[], R> {
  (...args: Inputs<A>): Promise<MapTree<R, tf.Tensor, DeviceTensor>>;
  /** Compiles the program for such arguments without running it, so that the first call takes no longer than the others. */
  prepare(...args: Inputs<A>): Promise<void>;
  /** The optimised graph for such arguments, without running it. `String(graph)` is readable. */
  lower(...args: Inputs<A>): Graph;
  /** What the program computes and holds in memory for such arguments, of which only shapes and types count; nothing is run or opened. */
  inspect(...args: Inputs<A>): ProgramFacts;
  /**
   * The program for such arguments as a standard ONNX model with the frozen arguments inside: inputs and outputs are called as the keys lead to
   * them, e.g. `known.video.x0`; bare tensors `input` and `output`, and a number follows a name that is taken. Throws JIT303 for a model above 2 GiB, more than the format can hold.
   */
  toOnnx(...args: Inputs<A>): Promise<OnnxModel>;
  /** Frees the compiled programs, once the calls under way have ended. A later call compiles again. */
  dispose(): Promise<void>;
}

/** Throws JIT303 for a device or an engine that there is none of: not all callers are TypeScript. */
function checkChoices({ device = "cpu", engine = "onnx" }: JitOptions, name: string): void {
  const known = Object.hasOwn(fitted, device);
  if (known && (engine === "onnx" || engine === "tfjs")) return;
  throw new JitError("JIT303", `program ${name} cannot have ${known ? `engine ${engine}` : `device ${device}`}`, {
    hint: known
      ? "Engines are onnx and tfjs."
      : 'Devices are cpu, webgpu and cuda; resolveDevice("auto") of @cmmd/jit/device chooses one.',
  });
}

/**
 * Compiles a function of trees of tensors, written with TensorFlow.js, into one static graph that runs on `device`. The function is
 * called with placeholders, so it must be pure: no reading of values, no random numbers. Throws JitError.
 */
export function jit<A extends readonly unknown[], R>(fn: (...args: A) => R, options: JitOptions = {}): Program<A, R> {
  const { name = fn.name || "program", device = "cpu", donate = [], freeze = [], cache, repeat, precision } = options;
  checkChoices(options, name);
  const eager =
    options.engine === "tfjs"
      ? new EagerProgram(fn as (...args: readonly unknown[]) => unknown, {
          name,
          backend: options.backend,
          donate,
          freeze,
        })
      : undefined;
  const programs = new Map<string, Promise<Compiled>>();
  const frozen = new Map<number, unknown>();
  const pool = new BufferPool();
  /** Calls that have not ended: they need what `dispose` frees. */
  const running = new Set<Promise<unknown>>();

  const begun = <T>(call: Promise<T>): Promise<T> => {
    // What is given back has no handler: a failure that nobody waits for must not go unseen.
    const whole = call.finally(() => running.delete(whole));
    running.add(whole);
    return whole;
  };

  const specOf = ({ leaf, argument }: Input): InputSpec => ({
    shape: leaf.shape,
    dtype: dtypeOfLeaf(leaf),
    frozen: freeze.includes(argument),
  });

  const donatedOf = (inputs: readonly Input[]): ReadonlySet<number> =>
    new Set(inputs.flatMap(({ argument }, i) => (donate.includes(argument) ? [i] : [])));

  const traceWith = (structures: readonly Structure[], inputs: readonly Input[]): Traced => {
    let structure: Structure = null;
    const all = inputs.map(specOf);
    const specs = repeat === undefined ? all : stepSpecs(all, (i) => inputs[i]!.argument, repeat, name);
    const { graph, multiplyAdds } = trace(name, specs, (tensors) => {
      const result = fn(...(unflattenTree<tf.Tensor>(structures as Structure, tensors) as unknown as A));
      const tree: unknown = atOnce(result, name);
      const flat = resultsOf(repeat === undefined ? tree : stateFirst(tree, structures[0]!, name), name);
      structure = flat.structure;
      return flat.leaves;
    });
    const step = precision === "mixed" ? mixedPrecision(optimise(graph)) : optimise(graph);
    const carried = inputs.filter(({ argument }) => argument === 0).length;
    if (repeat === undefined) return { graph: step, structure, multiplyAdds };
    return {
      graph: repeated(fitted[device](step, new Set()), carried, repeat),
      structure,
      multiplyAdds: repeat * multiplyAdds,
    };
  };

  const weightsOf = async (inputs: readonly Input[]): Promise<ReadonlyMap<string, TensorData>> => {
    const weights = new Map<string, TensorData>();
    for (const [i, { leaf, argument }] of inputs.entries()) {
      if (!freeze.includes(argument) || leaf.shape.includes(0)) continue;
      weights.set(`i${i}`, (leaf instanceof DeviceTensor ? await leaf.read() : leaf).data);
    }
    return weights;
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

  const compiledFor = (inputs: readonly Input[], structures: readonly Structure[]): Promise<Compiled> => {
    const specs = inputs.map(specOf);
    const identity = [structures, specs.map(({ dtype, shape, frozen }) => [dtype, shape, frozen])];
    const key = JSON.stringify(identity);
    const known = programs.get(key);
    if (known) return known;
    const compiling = weightsOf(inputs).then((weights) =>
      compile({
        device,
        donated: donatedOf(inputs),
        weights,
        cache,
        identity: [name, repeat, precision, donate, identity],
        trace: () => traceWith(structures, inputs),
      }),
    );
    programs.set(key, compiling);
    compiling.catch(() => programs.delete(key));
    return compiling;
  };

  /** Results by name. `fetches` may have memory for them. */
  const runOn = async (
    session: ort.InferenceSession,
    feeds: Record<string, ort.Tensor>,
    fetches: Record<string, ort.Tensor | null>,
    outputs: readonly OutputSpec[],
  ): Promise<Readonly<Record<string, ort.Tensor>>> => {
    if (device !== "cpu") return (await runSession(session, feeds, fetches)) as Record<string, ort.Tensor>;
    const results = Object.fromEntries(outputs.map((output, i) => [`o${i}`, fetches[`o${i}`] ?? memoryFor(output)]));
    await runInto(session, feeds, results);
    return results;
  };

  const run = async (...args: readonly unknown[]) => {
    checkFrozen(args);
    const { inputs, structures } = inputsOf(args, name);
    if (eager) {
      const { results, structure } = await eager.run(structures, inputs);
      return unflattenTree(structure, results);
    }
    const { session, outputs, shapes, structure } = await compiledFor(inputs, structures);
    const feeds: Record<string, ort.Tensor> = { ...shapes };
    inputs.forEach(({ leaf, argument }, i) => {
      if (!freeze.includes(argument)) feeds[`i${i}`] = runtimeTensor(leaf);
    });
    const donated = inputs.flatMap(({ leaf, argument }, i) =>
      donate.includes(argument) && leaf instanceof DeviceTensor ? [[i, leaf] as const] : [],
    );
    // A tensor that is given twice has readers that the program does not know of.
    const times = new Map<unknown, number>();
    for (const { leaf } of inputs) times.set(leaf, (times.get(leaf) ?? 0) + 1);
    const free = new Map(donated.flatMap(([i, leaf]) => (times.get(leaf) === 1 ? [[i, leaf.tensor] as const] : [])));
    const written = new Set<unknown>();
    const fetches = Object.fromEntries(
      outputs.map((output, i) => {
        const over = output.over === undefined ? undefined : free.get(output.over);
        if (over) written.add(over);
        return [`o${i}`, over ?? pool.take(output)];
      }),
    );
    const given = donated.map(([, leaf]) => ({ leaf, tensor: leaf.tensor }));
    // A run that fails has written over some of them: nobody may read those afterwards.
    for (const { leaf, tensor } of given) if (written.has(tensor)) leaf.release("donated");
    const results = await runOn(session, feeds, fetches, outputs);
    for (const { leaf, tensor } of given) {
      if (written.has(tensor)) continue;
      leaf.release("donated");
      pool.give(tensor, outputs);
    }
    return unflattenTree(
      structure,
      outputs.map((_, i) => {
        const tensor = results[`o${i}`]!;
        return new DeviceTensor(tensor, () => readTensor(tensor));
      }),
    );
  };

  const prepare = async (...args: readonly unknown[]) => {
    checkFrozen(args);
    const { inputs, structures } = inputsOf(args, name);
    await (eager ? eager.prepare() : compiledFor(inputs, structures));
  };

  const program = (...args: readonly unknown[]) => {
    refuseInside(name);
    return begun(run(...args));
  };

  return Object.assign(program as unknown as Program<A, R>, {
    prepare: (...args: readonly unknown[]) => begun(prepare(...args)),
    lower: (...args: readonly unknown[]) => {
      const { inputs, structures } = inputsOf(args, name);
      return traceWith(structures, inputs).graph;
    },
    inspect: (...args: readonly unknown[]) => {
      const { inputs, structures } = inputsOf(args, name);
      return factsOf(traceWith(structures, inputs), device, donatedOf(inputs));
    },
    toOnnx: async (...args: readonly unknown[]) => {
      checkFrozen(args);
      const { inputs, structures } = inputsOf(args, name);
      return standardModel(traceWith(structures, inputs), structures, await weightsOf(inputs));
    },
    dispose: async () => {
      const compiled = [...programs.values()];
      programs.clear();
      await Promise.allSettled(running);
      pool.clear();
      eager?.dispose();
      for (const one of await Promise.allSettled(compiled)) {
        if (one.status === "fulfilled") await one.value.session.release();
      }
    },
  });
}
