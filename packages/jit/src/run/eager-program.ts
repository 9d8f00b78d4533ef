import * as tf from "@tensorflow/tfjs";
import { DeviceTensor, dtypeOf } from "../host.js";
import type { TensorData } from "../ir/graph.js";
import { type Structure, unflattenTree } from "../tree.js";
import { atOnce, type Input, resultsOf } from "./arguments.js";
import { readyBackend } from "./eager-backend.js";

export interface EagerOptions {
  /** Of the program, for errors. */
  readonly name: string;
  readonly backend: string | undefined;
  readonly donate: readonly number[];
  readonly freeze: readonly number[];
}

/** Runs a function as tfjs does, one operation after the other, on one of tfjs's backends. */
export class EagerProgram {
  readonly #fn: (...args: readonly unknown[]) => unknown;
  readonly #options: EagerOptions;
  readonly #frozen = new Map<number, tf.Tensor>();
  #backend: Promise<string> | undefined;

  constructor(fn: (...args: readonly unknown[]) => unknown, options: EagerOptions) {
    this.#fn = fn;
    this.#options = options;
  }

  /** Makes the backend ready. Throws JIT303. */
  prepare(): Promise<string> {
    this.#backend ??= readyBackend(this.#options.backend);
    return this.#backend;
  }

  /** The function's results for such inputs, which `structures` nest into arguments, and how the results are nested. */
  async run(
    structures: readonly Structure[],
    inputs: readonly Input[],
  ): Promise<{ readonly results: readonly DeviceTensor[]; readonly structure: Structure }> {
    const backend = await this.prepare();
    const { donate, name } = this.#options;
    let structure: Structure = null;
    const leaves = onBackend(backend, () =>
      tf.tidy(() => {
        const given = inputs.map((input, i) => this.#tensor(input, i));
        const result = this.#fn(...(unflattenTree(structures, given) as readonly unknown[]));
        const flat = resultsOf(atOnce(result, name), name);
        structure = flat.structure;
        // A result may be an argument, or named twice: each is a tensor of its own.
        return flat.leaves.map((tensor) => tensor.clone());
      }),
    );
    for (const { leaf, argument } of inputs) {
      if (donate.includes(argument) && leaf instanceof DeviceTensor) {
        leaf.eager.dispose();
        leaf.release("donated");
      }
    }
    const copy = (tensor: tf.Tensor) => async () => (await tensor.data()).slice() as TensorData;
    return { results: leaves.map((tensor) => new DeviceTensor(tensor, copy(tensor))), structure };
  }

  /** Frees the frozen arguments. */
  dispose(): void {
    for (const tensor of this.#frozen.values()) tensor.dispose();
    this.#frozen.clear();
  }

  #tensor({ leaf, argument }: Input, index: number): tf.Tensor {
    if (leaf instanceof DeviceTensor) return leaf.eager;
    const make = () => tf.tensor(leaf.data, [...leaf.shape], dtypeOf(leaf.data));
    if (!this.#options.freeze.includes(argument)) return make();
    const kept = this.#frozen.get(index) ?? tf.keep(make());
    this.#frozen.set(index, kept);
    return kept;
  }
}

/** Calls `f` while `backend`, which is ready, is tfjs's current one. */
function onBackend<T>(backend: string, f: () => T): T {
  const before = tf.getBackend();
  void tf.setBackend(backend);
  try {
    return f();
  } finally {
    void tf.setBackend(before);
  }
}
