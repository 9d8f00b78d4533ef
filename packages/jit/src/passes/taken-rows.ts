import type { Builder } from "../ir/builder.js";
import { type Graph, sizeOf, Value } from "../ir/graph.js";
import { contentKey } from "./common-subexpressions.js";
import { deadCode } from "./dead-code.js";
import { type Rule, rewrite } from "./rewrite.js";
import { merged } from "./split-transposes.js";

/** Fewer numbers are moved in no time; shorter rows no quicker by index. */
const smallest = 1 << 14;
const shortestRow = 16;

/** Indices of the cells of a tensor, in the order of its transpose. */
function transposedCells(sizes: readonly number[], perm: readonly number[]): Int32Array {
  let starts = Int32Array.of(0);
  for (const axis of perm) {
    const size = sizes[axis]!;
    const stride = sizeOf(sizes.slice(axis + 1));
    const next = new Int32Array(starts.length * size);
    for (let at = 0; at < next.length; at++) next[at] = starts[Math.floor(at / size)]! + (at % size) * stride;
    starts = next;
  }
  return starts;
}

type Take = (b: Builder, rows: Value, indices: Int32Array) => Value;

/** Layers that are alike share their indices. */
function taking(): Take {
  const tables = new Map<string, Value>();
  return (b, rows, indices) => {
    const key = contentKey(indices);
    const table = tables.get(key) ?? new Value([indices.length], "int32", indices);
    tables.set(key, table);
    return b.op("Gather", [rows, table], { axis: 0 });
  };
}

/** Rows in another order, e.g. [L, N, C] as [N, L, C]: ONNX Runtime transposes them with one thread, but takes them by index with all. */
const takeRows =
  (take: Take): Rule =>
  ({ op, inputs, outputs, attributes }, b) => {
    if (op !== "Transpose" || outputs[0]!.size < smallest) return undefined;
    const { shape, perm } = merged(inputs[0]!.shape, attributes.perm as readonly number[]);
    const row = shape.at(-1)!;
    if (perm.length < 3 || perm.at(-1) !== perm.length - 1 || row < shortestRow) return undefined;
    const indices = transposedCells(shape.slice(0, -1), perm.slice(0, -1));
    return [b.reshape(take(b, b.reshape(inputs[0]!, [indices.length, row]), indices), outputs[0]!.shape)];
  };

/** Parts of rows that were taken are taken each for itself: queries, keys and values. */
const takeParts =
  (take: Take): Rule =>
  ({ op, inputs, outputs, attributes }, b, uses) => {
    const shown = op === "Split" ? b.producer(inputs[0]!) : undefined;
    const all = shown?.op === "Reshape" && uses(inputs[0]!) === 1 ? b.producer(shown.inputs[0]!) : undefined;
    if (all?.op !== "Gather" || all.attributes.axis !== 0 || uses(shown!.inputs[0]!) !== 1) return undefined;
    const [rows, { data, shape: indexed }] = all.inputs as [Value, Value];
    const row = rows.size / rows.shape[0]!;
    const axis = attributes.axis as number;
    const inner = sizeOf(inputs[0]!.shape.slice(axis + 1)) / row;
    if (!data || indexed.length !== 1 || !Number.isInteger(inner)) return undefined;
    const perBlock = inputs[0]!.shape[axis]! * inner;
    let from = 0;
    return outputs.map(({ shape }) => {
      const [start, count] = [from, shape[axis]! * inner];
      from += count;
      const part = (data as Int32Array).filter((_, i) => i % perBlock >= start && i % perBlock < start + count);
      return b.reshape(take(b, rows, part), shape);
    });
  };

/** Transposes of rows as the CPU moves them most quickly. */
export function takenRows(graph: Graph): Graph {
  const take = taking();
  return deadCode(rewrite(rewrite(graph, [takeRows(take)]), [takeParts(take)]));
}
