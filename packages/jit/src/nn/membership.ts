import * as tf from "@tensorflow/tfjs";
import { Value } from "../ir/graph.js";
import { registerLowering } from "../trace/lowering.js";

/** Channels in groups of neighbours. */
interface Membership {
  readonly channels: number;
  readonly groups: number;
  /** Columns of each group: 1, or as many as it has channels. */
  readonly columns: number;
  /** What the ones are divided by. */
  readonly count: number;
}

const kernelName = "JitMembership";

/** Layers that are alike share their matrices. */
const matrices = new Map<string, Value>();

function matrixOf({ channels, groups, columns, count }: Membership): Value {
  const key = [channels, groups, columns, count].join();
  const known = matrices.get(key);
  if (known) return known;
  const width = groups * columns;
  const data = new Float32Array(channels * width);
  for (let channel = 0; channel < channels; channel++) {
    const first = channel * width + Math.floor((channel * groups) / channels) * columns;
    data.fill(1 / count, first, first + columns);
  }
  const matrix = new Value([channels, width], "float32", data);
  matrices.set(key, matrix);
  return matrix;
}

registerLowering(kernelName, (_, __, membership: Membership) => matrixOf(membership));

/** Matrix [channels, groups * columns] of 1 / count where channel and column are of one group, elsewhere 0: a constant of a traced program. */
export function membership(of: Membership): tf.Tensor2D {
  const traced = tf.getKernel(kernelName, tf.getBackend()) !== undefined;
  if (traced) return tf.engine().runKernel(kernelName, {}, { ...of });
  const { shape, data } = matrixOf(of);
  return tf.tensor2d(data as Float32Array, [...shape] as [number, number]);
}
