import type * as tf from "@tensorflow/tfjs";
import type { HostTensor } from "./host.js";
import { sizeOf } from "./ir/graph.js";
import { uniformNumbers } from "./philox.js";
import { dtypeOfLeaf, inputsOf } from "./run/arguments.js";
import { trace } from "./trace/backend.js";
import { withDraws } from "./trace/draws.js";
import { unflattenTree } from "./tree.js";

/** The random numbers of dropout in the steps of a function: those of draw i in step s are Philox's with the key `seed`, the counters s and i. */
export class Dropouts {
  readonly #seed: number;
  /** Shapes of the draws of a step, by shapes of its arguments. */
  readonly #shapes = new Map<string, readonly (readonly number[])[]>();
  #step = 0;
  #any = false;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Runs the first step, whose draws get their numbers at once. */
  first<R>(f: () => R): R {
    let draw = 0;
    const result = withDraws((shape) => this.#numbers(shape, draw++), f);
    this.#any = draw > 0;
    this.#step++;
    return result;
  }

  /** The numbers of the next step with such arguments. `f` is traced once to find how many it draws. */
  next(name: string, args: readonly unknown[], f: (args: unknown) => unknown): HostTensor[] {
    const step = this.#step++;
    if (!this.#any) return [];
    const { inputs, structures } = inputsOf(args, name);
    const specs = inputs.map(({ leaf }) => ({ shape: leaf.shape, dtype: dtypeOfLeaf(leaf) }));
    const key = JSON.stringify([structures, specs]);
    const shapes = this.#shapes.get(key) ?? shapesOf(name, specs, (tensors) => f(unflattenTree(structures, tensors)));
    this.#shapes.set(key, shapes);
    return shapes.map((shape, draw) => ({ shape, data: this.#numbers(shape, draw, step) }));
  }

  #numbers(shape: readonly number[], draw: number, step = this.#step): Float32Array {
    return uniformNumbers(sizeOf(shape), this.#seed, step, draw);
  }
}

/** Shapes of what `f` draws, in its order. */
function shapesOf(
  name: string,
  specs: Parameters<typeof trace>[1],
  f: (tensors: readonly tf.Tensor[]) => unknown,
): readonly (readonly number[])[] {
  const shapes: (readonly number[])[] = [];
  const draw = (shape: readonly number[]) => {
    shapes.push([...shape]);
    return new Float32Array(sizeOf(shape));
  };
  trace(name, specs, (tensors) => {
    withDraws(draw, () => f(tensors));
    return [];
  });
  return shapes;
}
