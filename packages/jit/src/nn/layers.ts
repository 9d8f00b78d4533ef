import * as tf from "@tensorflow/tfjs";
import { JitError } from "../errors.js";
import { sizeOf } from "../ir/graph.js";
import { membership } from "./membership.js";

/** x [..., I] times weight [O, I] transposed, plus bias [O]: [..., O]. PyTorch's Linear. */
export function linear<T extends tf.Tensor>(x: T, weight: tf.Tensor, bias?: tf.Tensor): T {
  const [out, inner] = weight.shape as [number, number];
  const y = tf.matMul(x.reshape([-1, inner]), weight.as2D(out, inner), false, true);
  return (bias === undefined ? y : y.add(bias)).reshape([...x.shape.slice(0, -1), out]) as T;
}

const siluWithGradient = tf.customGrad((x, save) => {
  const input = x as tf.Tensor;
  (save as tf.GradSaveFunc)([input]);
  return {
    value: input.mul(input.sigmoid()),
    // d(x s) = s + x s (1 - s) with s = sigmoid(x); s and x s are those of the forward pass.
    gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const s = saved[0]!.sigmoid();
      const y = saved[0]!.mul(s);
      return dy.mul(s.add(y.sub(y.mul(s))));
    },
  };
});

/** x sigmoid(x), by element. */
export function silu<T extends tf.Tensor>(x: T): T {
  return siluWithGradient(x) as T;
}

const attend = <T extends tf.Tensor>(q: T, k: T, v: T, scale: number): T =>
  tf.matMul(tf.softmax(tf.matMul(q.mul(scale), k, false, true)), v) as T;

/** Most logits of as many of the first axis as attend at once, where there is more than one: large pictures have more than memory for. */
const mostLogits = 1 << 24;

/**
 * softmax(q kᵀ scale) v over the last two dimensions: q [..., L, D], k [..., S, D], v [..., S, E] give [..., L, E]. Where that makes many
 * logits, it is computed for some of the first axis at a time.
 */
export function attention<T extends tf.Tensor>(q: T, k: T, v: T, { scale }: { scale: number }): T {
  const first = q.shape[0]!;
  const logits = (q.size / q.shape.at(-1)!) * k.shape.at(-2)!;
  const atOnce = Math.max(1, Math.floor((mostLogits * first) / logits));
  if (q.rank === 2 || first <= atOnce) return attend(q, k, v, scale);
  const sizes = Array.from({ length: Math.ceil(first / atOnce) }, (_, i) => Math.min(atOnce, first - i * atOnce));
  const [qs, ks, vs] = [q, k, v].map((x) => tf.split(x, sizes, 0)) as [T[], T[], T[]];
  const parts = qs.map((part, i) => attend(part, ks[i]!, vs[i]!, scale));
  return tf.concat(parts, 0) as T;
}

export interface GroupNormOptions {
  readonly groups: number;
  /** Scale and offset by channel [C], or by sample and channel [N, C] (a FiLM modulation folded in). */
  readonly gamma: tf.Tensor;
  readonly beta: tf.Tensor;
  /** Default 1e-5. */
  readonly eps?: number;
}

/**
 * Group normalisation of x [N, ...positions, C]: mean and variance per sample and group of C / groups neighbouring channels, over
 * all positions; then times gamma plus beta (Wu and He 2018). Throws JIT202 when C is no multiple of the groups.
 */
export function groupNorm<T extends tf.Tensor>(x: T, { groups, gamma, beta, eps = 1e-5 }: GroupNormOptions): T {
  const batch = x.shape[0]!;
  const channels = x.shape.at(-1)!;
  if (channels % groups !== 0) {
    throw new JitError("JIT202", `groupNorm: ${channels} channels are no multiple of ${groups} groups`);
  }
  const positions = x.size / (batch * channels);
  const rows = x.reshape([batch, positions, channels]);
  const normalised = normalise(groups, eps)(rows, gamma.reshape([-1, channels]), beta.reshape([-1, channels]));
  return normalised.reshape(x.shape) as T;
}

/** Channels up to which one product of [channels, channels] is quicker than two by way of the groups. */
const fewChannels = 256;

/**
 * What takes rows [N, channels] to the mean of each group [N, groups], of `cells` numbers for each channel, what repeats such means for the
 * channels, and both at once: small products, with matrices that all have once.
 */
function grouping(channels: number, groups: number, cells = 1) {
  const size = channels / groups;
  const matrix = (columns: number, count: number) => membership({ channels, groups, columns, count });
  const meanOf = (rows: tf.Tensor) => tf.matMul(rows, matrix(1, cells * size));
  const ofChannels = (means: tf.Tensor) => tf.matMul(means, matrix(1, 1), false, true);
  const averaged = (rows: tf.Tensor) =>
    channels > fewChannels ? ofChannels(meanOf(rows)) : tf.matMul(rows, matrix(size, cells * size));
  return { meanOf, ofChannels, averaged };
}

/** Sum over the samples where the parameter has one row for all of them. */
const overSamples = (gradient: tf.Tensor, parameter: tf.Tensor) =>
  parameter.shape[0] === gradient.shape[0] ? gradient : gradient.sum(0, true);

/** x [N, L, C], gamma and beta [N or 1, C]. Statistics are rows [N, C]. */
function normalise(groups: number, eps: number) {
  const everywhere = (rows: tf.Tensor) => rows.expandDims(1);
  const moments = (x: tf.Tensor) => {
    const { meanOf, ofChannels, averaged } = grouping(x.shape[2]!, groups);
    const centred = x.sub(everywhere(averaged(x.mean(1))));
    const variance = meanOf(centred.square().mean(1)).add(eps);
    return { centred, deviation: ofChannels(variance.sqrt()) };
  };
  return tf.customGrad((...args) => {
    const save = args.at(-1) as unknown as tf.GradSaveFunc;
    const [x, gamma, beta] = args as [tf.Tensor, tf.Tensor, tf.Tensor];
    save([x, gamma, beta]);
    const { centred, deviation } = moments(x);
    return {
      value: centred.mul(everywhere(gamma.div(deviation))).add(everywhere(beta)),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [x, gamma, beta] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
        const { centred, deviation } = moments(x);
        const sum = dy.sum(1);
        const correlation = dy.mul(centred).sum(1).div(deviation);
        // dx = (dxhat - mean of dxhat - xhat mean of dxhat xhat) / deviation, dxhat = gamma dy, the means over each group's cells, where the
        // deviation is the same for the whole group.
        const scale = gamma.div(deviation);
        const { averaged } = grouping(x.shape[2]!, groups, x.shape[1]!);
        const offset = averaged(scale.mul(sum));
        const slope = averaged(scale.mul(correlation)).div(deviation);
        return [
          dy.mul(everywhere(scale)).sub(centred.mul(everywhere(slope)).add(everywhere(offset))),
          overSamples(correlation, gamma),
          overSamples(sum, beta),
        ];
      },
    };
  }) as (x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) => tf.Tensor;
}

/** tf.gather along axis 1 whose gradient gathers, too: sums over the reads of each row. */
function takeRows(x: tf.Tensor, indices: readonly number[]): tf.Tensor {
  return tf.customGrad((rows) => {
    const [batch, length, channels] = (rows as tf.Tensor).shape as [number, number, number];
    return {
      value: tf.gather(rows as tf.Tensor, tf.tensor1d([...indices], "int32"), 1),
      gradFunc: (dy: tf.Tensor) => {
        const readers = Array.from({ length }, (): number[] => []);
        indices.forEach((from, to) => {
          readers[from]!.push(to);
        });
        const most = Math.max(...readers.map((list) => list.length));
        // Rows with fewer readers read the zero row that is put behind dy.
        const table = readers.flatMap((list) => [...list, ...Array<number>(most - list.length).fill(indices.length)]);
        const padded = tf.concat([dy, tf.zeros([batch, 1, channels])], 1);
        return takeRows(padded, table).reshape([batch, length, most, channels]).sum(2);
      },
    };
  })(x);
}

/** Nearest neighbour along `axis`: output i reads input floor(i * length / size). */
export function nearest<T extends tf.Tensor>(x: T, axis: number, size: number): T {
  const length = x.shape[axis]!;
  const indices = Array.from({ length: size }, (_, i) => Math.floor((i * length) / size));
  const before = x.shape.slice(0, axis);
  const after = x.shape.slice(axis + 1);
  const rows = x.reshape([sizeOf(before), length, sizeOf(after)]);
  return takeRows(rows, indices).reshape([...before, size, ...after]) as T;
}
