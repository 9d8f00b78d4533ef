import * as tf from "@tensorflow/tfjs";
import { sizeOf } from "../../ir/graph.js";
import { type Gradient, registerGradient } from "./register.js";

/** Indices of rank 1 count as one number each. */
const tuples = (indices: tf.Tensor) => (indices.rank <= 1 ? indices.reshape([-1, 1]) : indices);

interface GatherAttrs {
  readonly axis: number;
  readonly batchDims?: number;
}

/** Rows of dy added up where they were read, all items of the batch in one table of rows. */
const batchedGather: Gradient<GatherAttrs> = (dy, [x, indices], { axis, batchDims }) => ({
  x: () => {
    const at = axis < 0 ? axis + x!.rank : axis;
    const batchRank = batchDims! < 0 ? batchDims! + indices!.rank : batchDims!;
    const batch = sizeOf(x!.shape.slice(0, batchRank));
    const outer = sizeOf(x!.shape.slice(batchRank, at));
    const inner = sizeOf(x!.shape.slice(at + 1));
    const [length, perItem] = [x!.shape[at]!, indices!.size / batch];
    const offsets = tf.range(0, batch, 1, "int32").mul(tf.scalar(length, "int32")).reshape([batch, 1]);
    const rows = indices!.toInt().reshape([batch, perItem]).add(offsets).reshape([-1, 1]);
    const updates = dy
      .reshape([batch, outer, perItem, inner])
      .transpose([0, 2, 1, 3])
      .reshape([-1, outer * inner]);
    const table = tf.scatterND(rows, updates, [batch * length, outer * inner]);
    return table.reshape([batch, length, outer, inner]).transpose([0, 2, 1, 3]).reshape(x!.shape);
  },
});

const gather = tf.getGradient("GatherV2")!.gradFunc as unknown as Gradient<GatherAttrs>;
registerGradient<GatherAttrs>("GatherV2", ["x", "indices"], (dy, saved, attrs) =>
  attrs.batchDims ? batchedGather(dy, saved, attrs) : gather(dy, saved, attrs),
);

registerGradient("GatherNd", ["params", "indices"], (dy, [params, indices]) => ({
  params: () => tf.scatterND(indices!, dy, params!.shape as [number]),
}));

registerGradient("ScatterNd", ["indices", "updates"], (dy, [indices, updates]) => ({
  updates: () => tf.gatherND(dy, tuples(indices!)).reshape(updates!.shape),
}));

registerGradient("TensorScatterUpdate", ["tensor", "indices", "updates"], (dy, [, indices, updates]) => ({
  // Not into dy: tfjs's eager kernel overwrites what it is given.
  tensor: () => dy.mul(tf.tensorScatterUpdate(tf.onesLike(dy), indices!, tf.zerosLike(updates!))),
  updates: () => tf.gatherND(dy, tuples(indices!)).reshape(updates!.shape),
}));

registerGradient("Diag", ["x"], (dy, [x]) => ({
  x: () => dy.reshape([x!.size, x!.size]).mul(tf.eye(x!.size)).sum(0).reshape(x!.shape),
}));

tf.registerGradient({
  kernelName: "TopK",
  inputsToSave: ["x"],
  outputsToSave: [false, true],
  gradFunc: (dys, [x, indices]) => ({
    x: () => {
      const [dvalues] = dys as tf.Tensor[];
      return tf.oneHot(indices!.toInt(), x!.shape.at(-1)!).toFloat().mul(dvalues!.expandDims(-1)).sum(-2);
    },
  }),
});
