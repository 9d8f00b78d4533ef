import * as tf from "@tensorflow/tfjs";
import { Dropouts } from "./dropouts.js";
import { jitBackendName } from "./eager/backend.js";
import { JitError } from "./errors.js";
import type { DeviceTensor, HostTensor } from "./host.js";
import type { TensorData } from "./ir/graph.js";
import { refuseInside } from "./run/arguments.js";
import { type JitOptions, jit } from "./run/program.js";
import { withDraws } from "./trace/draws.js";
import type { MapTree } from "./tree.js";

type Leaf = HostTensor | DeviceTensor;
type State<T> = Readonly<Record<string, T>>;

/** A step that is called like the program of `jit`; what it assigns to tf.Variables is in them when its promise resolves. */
export interface StatefulProgram<A extends readonly unknown[], R> {
  (...args: { readonly [K in keyof A]: MapTree<A[K], tf.Tensor, Leaf> }): Promise<MapTree<R, tf.Tensor, DeviceTensor>>;
  /** Frees the compiled programs. */
  dispose(): Promise<void>;
}

export interface StatefulOptions extends Pick<JitOptions, "name" | "device"> {
  /** Of the random numbers of `tf.dropout` and layers made of it, which are inputs of the program: others in every step. Default 0. */
  readonly seed?: number;
}

/**
 * `jit` for functions that read and assign tf.Variables, such as the step of a tfjs optimizer: the variables' values become hidden
 * inputs of the program and what is assigned to them hidden results. The first call runs on backend "jit" instead, because optimizers make
 * their variables then; a function that makes variables in later calls is refused (JIT111). Calls wait for each other. Numbers that the
 * function finds elsewhere, such as an optimizer's learning rate, are constants of the program. On a GPU the variables travel in every call:
 * pass the state as a donated argument of `jit` to keep it there.
 */
export function jitStateful<A extends readonly unknown[], R>(
  fn: (...args: A) => R,
  { seed = 0, ...options }: StatefulOptions = {},
): StatefulProgram<A, R> {
  const call = fn as unknown as (...args: readonly unknown[]) => unknown;
  const name = options.name ?? (fn.name || "step");
  const dropouts = new Dropouts(seed);
  const traced = (state: State<tf.Tensor>, args: readonly unknown[], draws: readonly tf.Tensor[]) => {
    let next = 0;
    return withDraws(
      () => draws[next++]!,
      () => withState(state, () => call(...args)),
    );
  };
  const program = jit(traced, { ...options, name });
  const run = program as unknown as (
    state: State<HostTensor>,
    args: readonly unknown[],
    draws: readonly HostTensor[],
  ) => Promise<{ readonly result: unknown; readonly next: State<DeviceTensor> }>;
  const eager = (...args: readonly unknown[]) => dropouts.first(() => call(...args));
  const lazily = jit(eager, { engine: "tfjs", backend: jitBackendName, name });
  let first = true;
  const once = async (...args: readonly unknown[]) => {
    if (first) {
      const result = await (lazily as unknown as (...args: readonly unknown[]) => Promise<unknown>)(...args);
      first = false;
      return result;
    }
    const state = readState();
    const draws = dropouts.next(name, [state, args], (tree) => {
      const [state, args] = tree as [State<tf.Tensor>, readonly unknown[]];
      return withState(state, () => call(...args));
    });
    const { result, next } = await run(state, args, draws);
    await writeState(next);
    return result;
  };
  /** Each call begins with what the one before has assigned. */
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(call: () => Promise<T>): Promise<T> => {
    const result = last.then(call);
    last = result.catch(() => {});
    // A promise without a handler: a failure that nobody waits for must not go unseen.
    return result.then((value) => value);
  };
  const step = (...args: readonly unknown[]) => {
    refuseInside(name);
    return inTurn(() => once(...args));
  };
  return Object.assign(step, { dispose: () => inTurn(program.dispose) }) as unknown as StatefulProgram<A, R>;
}

const registered = (): Record<string, tf.Variable> => tf.engine().state.registeredVariables;

const readState = (): State<HostTensor> =>
  Object.fromEntries(
    Object.entries(registered()).flatMap(([name, { dataId, shape, dtype }]) =>
      dtype === "string" || dtype === "complex64"
        ? []
        : [[name, { shape, data: tf.engine().readSync(dataId) as TensorData }]],
    ),
  );

/** The results' own memory becomes the variables'. */
async function writeState(next: State<DeviceTensor>): Promise<void> {
  for (const [name, value] of Object.entries(next)) {
    const { tensor, dtype } = value;
    const data = tensor.location === "cpu" ? (tensor.data as TensorData) : (await value.read()).data;
    const fresh = tf.tensor(data, [...value.shape], dtype);
    registered()[name]!.assign(fresh);
    fresh.dispose();
  }
}

/** Runs `fn` with other values in the variables, and returns with its result what it assigned to them. */
function withState<R>(state: State<tf.Tensor>, fn: () => R): { result: R; next: State<tf.Tensor> } {
  const variables = registered();
  const known = new Set(Object.keys(variables));
  const before = Object.entries(state).map(([name]) => [variables[name]!, variables[name]!.dataId] as const);
  for (const [name, { dataId }] of Object.entries(state)) variables[name]!.dataId = dataId;
  try {
    const result = fn();
    const created = Object.keys(variables).filter((name) => !known.has(name));
    if (created.length > 0) {
      for (const name of created) variables[name]!.dispose();
      throw new JitError("JIT111", `the tf.Variable ${created[0]} was made inside a traced step`, {
        hint: "Make variables before the first call, or in it.",
      });
    }
    const assigned = Object.entries(state).filter(([name, { dataId }]) => variables[name]!.dataId !== dataId);
    const next = assigned.map(([name, { shape, dtype }]) => [
      name,
      tf.engine().makeTensorFromTensorInfo({ dataId: variables[name]!.dataId, shape, dtype }),
    ]);
    return { result, next: Object.fromEntries(next) };
  } finally {
    for (const [variable, dataId] of before) variable.dataId = dataId;
  }
}
