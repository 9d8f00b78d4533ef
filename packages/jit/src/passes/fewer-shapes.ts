import { Builder } from "../ir/builder.js";
import { Graph, type Node, sameShape, sizeOf, Value } from "../ir/graph.js";
import { isBinary, isUnary } from "../ir/infer.js";
import { deadCode } from "./dead-code.js";
import { isLarge } from "./liveness.js";
import { merged } from "./split-transposes.js";
import { takenShapes } from "./taken-shapes.js";

type Shape = readonly number[];

/** An operator in another shape of its operands: the same numbers in the same order. */
interface Form {
  readonly inputs: readonly Value[];
  readonly attributes?: Node["attributes"];
}

/** Where the numbers of each value lie, and the views of them that were made. */
class Places {
  readonly builder = new Builder();
  readonly #places = new Map<Value, Value>();
  readonly #views = new Map<Value, Map<string, Value>>();
  /** What has the shape of an argument, and so of the result that may be written over it. */
  readonly #anchored: Set<Value>;
  readonly #beside = new Map<Value, Value>();

  constructor(inputs: readonly Value[]) {
    this.#anchored = new Set(inputs);
  }

  of(value: Value): Value {
    return this.#places.get(value) ?? value;
  }

  set(value: Value, place: Value): void {
    this.#places.set(value, place);
  }

  /** The numbers of `value` in a shape. */
  as(value: Value, shape: Shape): Value {
    const place = this.of(value);
    if (sameShape(place.shape, shape)) return place;
    const views = this.#views.get(place) ?? new Map<string, Value>();
    this.#views.set(place, views);
    const key = shape.join();
    const view =
      views.get(key) ?? (place.data ? new Value(shape, place.dtype, place.data) : this.builder.reshape(place, shape));
    views.set(key, view);
    return view;
  }

  anchor(value: Value): void {
    this.#anchored.add(value);
  }

  /** The numbers of `value` in the shape of an argument that they were combined with, if they were. */
  beside(value: Value): Value {
    return this.#beside.get(this.of(value)) ?? this.of(value);
  }

  /** The numbers of `value` in the shape of an argument. */
  asBeside(value: Value, shape: Shape): Value {
    const view = this.as(value, shape);
    this.#beside.set(this.of(value), view);
    return view;
  }

  isAnchored(value: Value): boolean {
    return this.#anchored.has(value);
  }
}

/** Two shapes that broadcast, with neighbouring axes as one where both operands have them or the same one lacks them. */
function collapsed(a: Shape, b: Shape): readonly [Shape, Shape] {
  const rank = Math.max(a.length, b.length);
  const sizes = (shape: Shape) => [...Array<number>(rank - shape.length).fill(1), ...shape];
  const [x, y] = [sizes(a), sizes(b)];
  const runs: { kind: string; x: number; y: number }[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const [p, q] = [x[axis]!, y[axis]!];
    if (p === 1 && q === 1) continue;
    const kind = p === q ? "both" : p === 1 ? "y" : "x";
    const run = runs.at(-1);
    if (run?.kind === kind) Object.assign(run, { x: run.x * p, y: run.y * q });
    else runs.push({ kind, x: p, y: q });
  }
  return [runs.map(({ x }) => x), runs.map(({ y }) => y)];
}

/** A shape around one axis: what may lie before and after it, and the axis itself. */
interface Around {
  readonly before: Shape;
  readonly after: Shape;
}

/**
 * How the numbers of values that differ in the size of one axis may lie around that axis: as most of them do, where that leaves the axis as
 * it is, or else without axes of size 1 and with the others as one.
 */
function around(places: Places, values: readonly Value[], axis: number): Around {
  const [first] = values as [Value];
  const [before, after] = [sizeOf(first.shape.slice(0, axis)), sizeOf(first.shape.slice(axis + 1))];
  const counts = new Map<string, { count: number; form: Around }>();
  for (const value of values) {
    const { shape } = places.of(value);
    const at = shape.findIndex((size, i) => size === value.shape[axis] && sizeOf(shape.slice(0, i)) === before);
    if (at < 0 || sizeOf(shape.slice(at + 1)) !== after) continue;
    const form = { before: shape.slice(0, at), after: withoutOnes(shape.slice(at + 1)) };
    const key = JSON.stringify(form);
    counts.set(key, { count: (counts.get(key)?.count ?? 0) + 1, form });
  }
  const [most] = [...counts.values()].toSorted((a, b) => b.count - a.count);
  return most?.form ?? { before: before === 1 ? [] : [before], after: after === 1 ? [] : [after] };
}

const withoutOnes = (shape: Shape): Shape => shape.filter((size) => size !== 1);

const withSize = ({ before, after }: Around, size: number): Shape => [...before, size, ...after];

const fits = (row: Shape, columns: number) => row.at(-1) === columns && sizeOf(row) === columns;

/** Numbers of a row that takes longer to copy into a result of another shape than to view in it. */
const longRow = 1 << 12;

/** Operands of an operator by element. */
function operands(places: Places, x: Value, y: Value): readonly [Value, Value] {
  const [a, b] = collapsed(x.shape, y.shape);
  const [px, py] = [places.of(x), places.of(y)];
  if (sameShape(a, b)) {
    if (px === py) return [places.beside(x), places.beside(x)];
    if (sameShape(px.shape, py.shape)) return [px, py];
    const anchored = [px, py].find((value) => places.isAnchored(value));
    const rows = [px, py].every(({ shape }) => fits(shape, x.size));
    if (rows && (x.size < longRow || !anchored)) return [px, py];
    const kept = anchored ?? [px, py].find(({ shape }) => shape.length === 2) ?? px;
    return anchored
      ? [places.asBeside(x, kept.shape), places.asBeside(y, kept.shape)]
      : [places.as(x, kept.shape), places.as(y, kept.shape)];
  }
  const [full, part] = y.size < x.size ? [x, y] : [y, x];
  const ordered = (whole: Value, other: Value): readonly [Value, Value] =>
    full === x ? [whole, other] : [other, whole];
  const [whole, other] = [places.of(full), places.of(part)];
  if (part.size === 1) {
    return ordered(whole, other.shape.length <= whole.shape.length ? other : places.as(part, []));
  }
  const [shape, row] = full === x ? [a, b] : [b, a];
  const column = [...whole.shape.slice(0, -1), 1];
  if (sameShape(row, [shape[0]!, 1]) && shape.length === 2 && shape[1] === whole.shape.at(-1)) {
    return ordered(whole, places.as(part, column));
  }
  const spread = shape.every((size, axis) => size === Math.max(a[axis]!, b[axis]!));
  if (!spread || row.length !== 2 || row[0] !== 1) return [places.as(x, a), places.as(y, b)];
  const columns = row[1]!;
  const matrix = whole.shape.at(-1) === columns ? whole : places.as(full, [full.size / columns, columns]);
  const narrow = fits(other.shape, columns) && other.shape.length <= matrix.shape.length;
  return ordered(matrix, narrow ? other : places.as(part, [columns]));
}

const forms: Readonly<Record<string, (places: Places, node: Node) => Form | undefined>> = {
  Barrier: (places, { inputs: [x, after] }) => ({ inputs: [places.of(x!), places.of(after!)] }),
  Concat: (places, { inputs, attributes }) => {
    const axis = attributes.axis as number;
    const form = around(places, inputs, axis);
    return {
      inputs: inputs.map((input) => places.as(input, withSize(form, input.shape[axis]!))),
      attributes: { ...attributes, axis: form.before.length },
    };
  },
  Gather: (places, { inputs, attributes }) => {
    const [x, indices] = inputs as [Value, Value];
    const axis = attributes.axis as number;
    const form = around(places, [x], axis);
    return {
      inputs: [places.as(x, withSize(form, x.shape[axis]!)), places.as(indices, [indices.size])],
      attributes: { ...attributes, axis: form.before.length },
    };
  },
  Gemm: (places, { inputs, outputs }) => {
    const [x, y, row] = inputs as [Value, Value, Value?];
    const product = [places.as(x, x.shape), places.as(y, y.shape)];
    if (row === undefined) return { inputs: product };
    const place = places.of(row);
    const narrow = fits(place.shape, outputs[0]!.shape[1]!) && place.shape.length <= 2;
    return { inputs: [...product, narrow ? place : places.as(row, row.shape)] };
  },
  MatMul: (places, { inputs }) => {
    const [x, y] = inputs as [Value, Value];
    const [batchX, batchY] = [x.shape.slice(0, -2), y.shape.slice(0, -2)];
    const [rows, inner, columns] = [x.shape.at(-2)!, x.shape.at(-1)!, y.shape.at(-1)!];
    if (sizeOf(batchY) === 1) {
      return { inputs: [places.as(x, [sizeOf(batchX) * rows, inner]), places.as(y, [inner, columns])] };
    }
    const count = sizeOf(batchX);
    if (!sameShape(batchX, batchY)) return undefined;
    return { inputs: [places.as(x, [count, rows, inner]), places.as(y, [count, inner, columns])] };
  },
  Softmax: (places, { inputs: [x], attributes }) => {
    const columns = x!.shape.at(-1)!;
    if (attributes.axis !== x!.shape.length - 1 && attributes.axis !== -1) return undefined;
    const place = places.of(x!);
    const rows = place.shape.at(-1) === columns ? place : places.as(x!, [x!.size / columns, columns]);
    return { inputs: [rows], attributes: { ...attributes, axis: rows.shape.length - 1 } };
  },
  Split: (places, { inputs: [x], attributes }) => {
    const axis = attributes.axis as number;
    const form = around(places, [x!], axis);
    const attributesThere = { ...attributes, axis: form.before.length };
    return { inputs: [places.as(x!, withSize(form, x!.shape[axis]!))], attributes: attributesThere };
  },
  Transpose: (places, { inputs: [x], attributes }) => {
    const { shape, perm } = merged(x!.shape, attributes.perm as Shape);
    return { inputs: [places.as(x!, shape)], attributes: { ...attributes, perm } };
  },
};

/** Axes of size 1 left out, neighbours that are summed or kept together as one; or the last axis alone, wherever the others lie. */
function reduction(places: Places, { inputs: [x], attributes }: Node): Form {
  const axes = attributes.axes as Shape;
  const place = places.of(x!);
  const columns = x!.shape.at(-1)!;
  if (axes.length === 1 && axes[0] === x!.shape.length - 1 && place.shape.at(-1) === columns) {
    return { inputs: [place], attributes: { ...attributes, axes: [place.shape.length - 1], keepdims: 1 } };
  }
  const runs: { summed: boolean; size: number }[] = [];
  x!.shape.forEach((size, axis) => {
    if (size === 1) return;
    const summed = axes.includes(axis);
    const run = runs.at(-1);
    if (run?.summed === summed) run.size *= size;
    else runs.push({ summed, size });
  });
  const summed = runs.flatMap((run, i) => (run.summed ? [i] : []));
  const shape = runs.map(({ size }) => size);
  return { inputs: [places.as(x!, shape)], attributes: { ...attributes, axes: summed, keepdims: 0 } };
}

function formOf(places: Places, node: Node): Form | undefined {
  const { op, inputs, attributes } = node;
  if (isUnary(op)) {
    const [x, ...limits] = inputs as [Value, ...Value[]];
    return { inputs: [places.of(x), ...limits] };
  }
  if (isBinary(op)) return { inputs: operands(places, inputs[0]!, inputs[1]!) };
  if (op.startsWith("Reduce") && (attributes.axes as Shape).some((axis) => inputs[0]!.shape[axis] !== 1)) {
    return reduction(places, node);
  }
  return forms[op]?.(places, node);
}

/**
 * Values in as few shapes as the operators let them be: without the axes of size 1, and with those as one that no operator tells apart.
 * ONNX Runtime uses memory again for the very same shape only, and searches all that is free for it whenever it opens a program; and every
 * view is a node. Large programs keep their views, by which they are told shapes when they run: see open-shapes.ts.
 */
export function fewerShapes(graph: Graph): Graph {
  if (graph.nodes.some(({ body }) => body)) return graph;
  if (isLarge(graph)) return graph;
  const places = new Places(graph.inputs);
  const { builder } = places;
  for (const node of graph.nodes) {
    const { op, inputs, attributes, outputs } = node;
    if (op === "Reshape") {
      places.set(outputs[0]!, places.of(inputs[0]!));
      continue;
    }
    const form = formOf(places, node) ?? { inputs: inputs.map((input) => places.as(input, input.shape)) };
    const results = builder.ops(op as "Add", form.inputs, form.attributes ?? attributes);
    outputs.forEach((output, i) => {
      places.set(output, results[i]!);
    });
    const [result] = results as [Value];
    const kept = form.inputs.some((input) => places.isAnchored(input) && sameShape(input.shape, result.shape));
    if (kept && (isUnary(op) || isBinary(op))) places.anchor(result);
  }
  const outputs = graph.outputs.map((output) => places.as(output, output.shape));
  return takenShapes(deadCode(new Graph(graph.name, graph.inputs, builder.nodes, outputs)));
}
