import * as tf from "@tensorflow/tfjs";
import type { Builder } from "../../ir/builder.js";
import { sizeOf, type Value } from "../../ir/graph.js";
import type { Lowering } from "../lowering.js";

/** A tensor whose axes are named by numbers. */
interface Labelled {
  readonly x: Value;
  readonly labels: readonly number[];
}

/** Sums over the axes whose label is not wanted. */
function sumOthers(b: Builder, { x, labels }: Labelled, wanted: ReadonlySet<number>): Labelled {
  const axes = labels.flatMap((label, axis) => (wanted.has(label) ? [] : [axis]));
  return { x: b.reduce("ReduceSum", x, axes, false), labels: labels.filter((label) => wanted.has(label)) };
}

const inOrder = (b: Builder, { x, labels }: Labelled, order: readonly number[]) =>
  b.transpose(
    x,
    order.map((label) => labels.indexOf(label)),
  );

/** Sums of products over named axes of one or two tensors, as one batched matrix product. */
export const einsum: Lowering = (b, inputs, { equation }: { equation: string }) => {
  const values = Object.values(inputs);
  const { allDims, summedDims, idDims } = tf.backend_util.decodeEinsumEquation(equation, values.length);
  tf.backend_util.checkEinsumDimSizes(allDims.length, idDims, values as unknown as tf.Tensor[]);
  const output = allDims.map((_, label) => label).filter((label) => !summedDims.includes(label));
  const terms = values.map((x, i): Labelled => ({ x, labels: idDims[i]! }));
  const [first, second] = terms as [Labelled, Labelled | undefined];
  if (second === undefined) return inOrder(b, sumOthers(b, first, new Set(output)), output);

  const left = sumOthers(b, first, new Set([...output, ...second.labels]));
  const right = sumOthers(b, second, new Set([...output, ...first.labels]));
  const shared = left.labels.filter((label) => right.labels.includes(label));
  const batch = shared.filter((label) => output.includes(label));
  const summed = shared.filter((label) => !output.includes(label));
  const rows = left.labels.filter((label) => !shared.includes(label));
  const columns = right.labels.filter((label) => !shared.includes(label));
  const sizes = new Map([left, right].flatMap(({ x, labels }) => labels.map((label, i) => [label, x.shape[i]!])));
  const shape = (labels: readonly number[]) => labels.map((label) => sizes.get(label)!);
  const size = (labels: readonly number[]) => sizeOf(shape(labels));

  const product = b.op("MatMul", [
    b.reshape(inOrder(b, left, [...batch, ...rows, ...summed]), [size(batch), size(rows), size(summed)]),
    b.reshape(inOrder(b, right, [...batch, ...summed, ...columns]), [size(batch), size(summed), size(columns)]),
  ]);
  const labels = [...batch, ...rows, ...columns];
  return inOrder(b, { x: b.reshape(product, shape(labels)), labels }, output);
};
