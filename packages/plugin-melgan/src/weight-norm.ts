import type { NamedTensors } from "@cmmd/core";
import type { tf } from "@cmmd/jit";

/** Tensors by name inside a trace. */
export type Parameters = Readonly<Record<string, tf.Tensor>>;
/** Names and shapes of parameters, in PyTorch's order and layouts. */
export type Shapes = Readonly<Record<string, { readonly shape: readonly number[] }>>;

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const direction = /\.weight_v$/;

/**
 * The parameters of a convolution with weight normalisation (Salimans and Kingma 2016) as PyTorch names them: the weight is
 * `weight_g` · `weight_v` / |`weight_v`|, the norm taken for each index of the first axis. `shape` is [out, in / groups, taps], for a transposed
 * convolution [in, out, taps].
 */
export const convolutionParameters = (name: string, shape: readonly [number, number, number], channels = shape[0]) => ({
  [`${name}.bias`]: { shape: [channels] },
  [`${name}.weight_g`]: { shape: [shape[0], 1, 1] },
  [`${name}.weight_v`]: { shape },
});

/** Traced: the weight of a convolution, from its direction and length, or as it is where they were folded. */
export function weightOf(parameters: Parameters, name: string): tf.Tensor {
  const folded = parameters[`${name}.weight`];
  if (folded) return folded;
  const v = parameters[`${name}.weight_v`]!;
  const length = v.square().sum([1, 2], true).sqrt();
  return v.mul(parameters[`${name}.weight_g`]!.div(length));
}

/** The same parameters with `weight` in place of each `weight_g` and `weight_v`, computed in double precision. Those without pass as they are. */
export function foldWeightNorm(parameters: NamedTensors): NamedTensors {
  const folded: NamedTensors = {};
  for (const [name, tensor] of Object.entries(parameters)) {
    if (name.endsWith(".weight_g")) continue;
    if (!direction.test(name)) {
      folded[name] = tensor;
      continue;
    }
    const g = parameters[name.replace(direction, ".weight_g")]!.data;
    const data = new Float32Array(tensor.data.length);
    const perRow = data.length / tensor.shape[0]!;
    for (let row = 0; row < g.length; row++) {
      const v = tensor.data.subarray(row * perRow, (row + 1) * perRow);
      let square = 0;
      for (const value of v) square += value * value;
      const scale = g[row]! / Math.sqrt(square);
      for (let i = 0; i < perRow; i++) data[row * perRow + i] = v[i]! * scale;
    }
    folded[name.replace(direction, ".weight")] = { shape: tensor.shape, data };
  }
  return folded;
}

/**
 * Untrained parameters. The weights are normal with PyTorch's default variance, 1 / (3 fan-in): the official code's N(0, 0.02) is without effect,
 * as weight normalisation computes the weight again from what it had stored before. Biases start at zero.
 */
export function initialise(
  shapes: Shapes,
  random: (name: string) => { normal(count: number): Float32Array },
): NamedTensors {
  const drawn: NamedTensors = {};
  for (const [name, { shape }] of Object.entries(shapes))
    if (direction.test(name)) {
      const deviation = 1 / Math.sqrt(3 * product(shape.slice(1)));
      const data = random(name)
        .normal(product(shape))
        .map((value) => value * deviation);
      drawn[name] = { shape, data };
    }
  const lengthOf = (name: string, rows: number) => {
    const { data } = drawn[name.replace(/_g$/, "_v")]!;
    const perRow = data.length / rows;
    const norm = (row: number) =>
      Math.sqrt((data as Float32Array).subarray(row * perRow, (row + 1) * perRow).reduce((sum, x) => sum + x * x, 0));
    return Float32Array.from({ length: rows }, (_, row) => norm(row));
  };
  return Object.fromEntries(
    Object.entries(shapes).map(([name, { shape }]) => {
      if (drawn[name]) return [name, drawn[name]];
      const data = name.endsWith(".weight_g") ? lengthOf(name, shape[0]!) : new Float32Array(product(shape));
      return [name, { shape, data }];
    }),
  );
}
