import { typedArray } from "../../src/ir/builder.js";
import { type DType, sizeOf, type TensorData } from "../../src/ir/graph.js";
import type { Input, Variable } from "./program.js";
import type { Random } from "./random.js";

/** Most elements of a generated tensor. */
const largest = 256;

const special = [
  Number.NaN,
  Infinity,
  -Infinity,
  -0,
  0,
  1,
  -1,
  0.5,
  -2.5,
  1e30,
  -1e30,

  1e-30,
  -1e-40,
  16777217,
];

/** How the elements of a float32 input are drawn. */
const styles: readonly (readonly [weight: number, draw: (r: Random) => number])[] = [
  [10, (r) => r.uniform(-2, 2)],
  [3, (r) => r.int(-3, 3)],
  [2, (r) => r.uniform(0.1, 3)],
  [2, (r) => r.uniform(-0.99, 0.99)],
  [1, (r) => r.uniform(-30, 30)],
  [1, (r) => (r.chance(0.5) ? 0 : 1)],
];
const specialShare = 0.12;

/** What an operator's entry in the table draws its operands and attributes from. */
export class Chooser {
  readonly added: Input[] = [];

  constructor(
    readonly r: Random,
    readonly pool: readonly Variable[],
    /** Number in the name of the next variable. */
    readonly next: number,
    /** Whether shapes may have sizes of 0. */
    readonly empty: boolean,
    /** Whether NaN, infinities and the like may be drawn. */
    readonly special: boolean,
  ) {}

  shape(rank: number, low = 1, high = 5): number[] {
    const { r } = this;
    const shape = r.list(rank, () => (r.chance(0.15) ? Math.max(1, low) : r.int(low, high)));
    while (sizeOf(shape) > largest) shape[r.int(0, rank - 1)] = Math.max(1, low);
    if (this.empty && rank > 0 && low <= 1 && r.chance(0.06)) shape[r.int(0, rank - 1)] = 0;
    return shape;
  }

  rank(low = 0, high = 6): number {
    const { r } = this;
    return Math.min(high, Math.max(low, r.pick([0, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 5, 6])));
  }

  /** A tensor of the pool that fits, or a new input. */
  tensor(fits: (v: Variable) => boolean = () => true, fresh: () => Variable = () => this.fresh()): Variable {
    const candidates = this.pool.filter(fits);
    return candidates.length > 0 && this.r.chance(0.75) ? this.r.pick(candidates) : fresh();
  }

  /** A float32 tensor of a rank within the limits. */
  float(low = 0, high = 6): Variable {
    return this.tensor(
      ({ dtype, shape }) => dtype === "float32" && shape.length >= low && shape.length <= high,
      () => this.fresh(this.shape(this.rank(low, high))),
    );
  }

  /** A float32 tensor of exactly this shape. */
  of(shape: readonly number[], dtype: DType = "float32"): Variable {
    return this.tensor(
      (v) => v.dtype === dtype && v.shape.join() === shape.join(),
      () => this.fresh(shape, dtype),
    );
  }

  /** Another tensor whose shape broadcasts with `x`'s in one direction, or in both. */
  partner(x: Variable, dtype: DType = x.dtype): Variable {
    const compatible = (v: Variable) => {
      const rank = Math.min(v.shape.length, x.shape.length);
      return Array.from({ length: rank }, (_, i) => [v.shape.at(-1 - i)!, x.shape.at(-1 - i)!]).every(
        ([a, b]) => a === b || a === 1 || b === 1,
      );
    };
    return this.tensor(
      (v) => v.dtype === dtype && compatible(v) && sizeOf(v.shape) * sizeOf(x.shape) <= 4096,
      () => {
        const cut = this.r.chance(0.3) ? this.r.int(0, x.shape.length) : 0;
        const shape = x.shape.slice(cut).map((size) => (this.r.chance(0.25) ? 1 : size));
        if (cut === 0 && x.shape.length < 5 && this.r.chance(0.1)) shape.unshift(this.r.int(1, 2));
        return this.fresh(
          shape.map((size) => (size === 1 && sizeOf(shape) < 50 && this.r.chance(0.3) ? this.r.int(1, 4) : size)),
          dtype,
        );
      },
    );
  }

  integers(shape: readonly number[], low: number, high: number): Variable {
    return this.#add(shape, "int32", () => this.r.int(low, high));
  }

  /** A new input with these elements. */
  values(shape: readonly number[], elements: readonly number[]): Variable {
    const given = [...elements];
    return this.#add(shape, "float32", () => given.shift()!);
  }

  /** A new input without equal elements. */
  distinct(shape: readonly number[]): Variable {
    return this.#add(shape, "float32", () => this.r.uniform(-2, 2));
  }

  fresh(shape: readonly number[] = this.shape(this.rank()), dtype: DType = "float32"): Variable {
    const { r } = this;
    if (dtype === "bool") return this.#add(shape, dtype, () => r.int(0, 1));
    if (dtype === "int32") return this.#add(shape, dtype, () => (r.chance(0.1) ? r.int(-1000, 1000) : r.int(-7, 7)));
    const [, draw] = r.pick(styles.flatMap((style) => Array<typeof style>(style[0]).fill(style)));
    const strange = this.special && r.chance(specialShare);
    return this.#add(shape, dtype, () => (strange && r.chance(0.3) ? r.pick(special) : draw(r)));
  }

  #add(shape: readonly number[], dtype: DType, draw: () => number): Variable {
    const data = new typedArray[dtype](sizeOf(shape)).map(draw) as TensorData;
    const input = { name: `x${this.next + this.added.length}`, shape, dtype, data };
    this.added.push(input);
    return input;
  }
}
