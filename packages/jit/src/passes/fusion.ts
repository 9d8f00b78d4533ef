import type { Builder } from "../ir/builder.js";
import { type Node, sameShape, sizeOf, Value } from "../ir/graph.js";
import type { Rule } from "./rewrite.js";

/** Taking from what was taken is one taking, e.g. a mirrored border and then the windows of a convolution. */
export const gatherOnce: Rule = ({ op, inputs, attributes }, b) => {
  if (op !== "Gather") return undefined;
  const inner = b.producer(inputs[0]!);
  if (inner?.op !== "Gather" || inner.attributes.axis !== attributes.axis) return undefined;
  const [first, second] = [inner.inputs[1]!, inputs[1]!];
  if (!first.data || !second.data || first.shape.length !== 1 || second.shape.length !== 1) return undefined;
  const places = Int32Array.from(second.data as Int32Array, (at) => (first.data as Int32Array)[at]!);
  return [b.op("Gather", [inner.inputs[0]!, new Value([places.length], "int32", places)], attributes)];
};

/** Taking rows from what was taken and padded, e.g. the tiles of a convolution from the outputs of another one: one taking. */
export const gatherPadded: Rule = ({ op, inputs, attributes }, b, uses) => {
  const padded = op === "Gather" && uses(inputs[0]!) === 1 ? b.producer(inputs[0]!) : undefined;
  if (padded?.op !== "Concat" || padded.inputs.length !== 2) return undefined;
  const axis = attributes.axis as number;
  const [x, padding] = padded.inputs as [Value, Value];
  let shown = x;
  let inner = b.producer(shown);
  while (inner?.op === "Reshape" && uses(shown) === 1) {
    shown = inner.inputs[0]!;
    inner = b.producer(shown);
  }
  if (inner?.op !== "Gather" || uses(shown) > 1 || padded.attributes.axis !== axis) return undefined;
  const [first, second] = [inner.inputs[1]!, inputs[1]!];
  const rowsOf = ({ shape }: Value, at: number) => sizeOf(shape.slice(0, at)) === 1 && shape[at]!;
  const from = inner.inputs[0]!;
  const rows = rowsOf(from, inner.attributes.axis as number);
  if (!first.data || !second.data || second.shape.length !== 1 || rowsOf(x, axis) !== first.size || !rows)
    return undefined;
  const all = b.op("Concat", [b.reshape(from, x.shape.with(axis, rows)), padding], { axis });
  const [taken, places] = [first.data as Int32Array, second.data as Int32Array];
  const composed = Int32Array.from(places, (at) => (at < taken.length ? taken[at]! : rows + at - taken.length));
  return [b.op("Gather", [all, new Value([composed.length], "int32", composed)], attributes)];
};

/** Cutting rows from what was taken by larger rows, e.g. from the phases of a transposed convolution: one taking, by the smaller rows. */
export const gatherCut: Rule = ({ op, inputs, attributes, outputs }, b, uses) => {
  const [starts, ends, axes, steps] = ["starts", "ends", "axes", "steps"].map((name) => attributes[name] as number[]);
  if (op !== "Slice" || axes!.length !== 1 || axes![0] !== 1 || steps![0] !== 1 || uses(inputs[0]!) > 1)
    return undefined;
  const shown = b.producer(inputs[0]!);
  const taken = shown?.op === "Reshape" ? b.producer(shown.inputs[0]!) : undefined;
  const [x, places] = taken?.op === "Gather" && taken.attributes.axis === 1 ? taken.inputs : [];
  const [rows, width] = inputs[0]!.shape.slice(1) as [number, number];
  if (!x || !places?.data || x.shape.length !== 3 || x.shape[0] !== 1 || inputs[0]!.shape.length !== 3)
    return undefined;
  const inRow = x.shape[2]! / width;
  if (rows !== places.size * inRow || starts![0]! < 0 || ends![0]! > rows) return undefined;
  const from = places.data as Int32Array;
  const cut = Int32Array.from({ length: ends![0]! - starts![0]! }, (_, i) => {
    const at = starts![0]! + i;
    return from[Math.floor(at / inRow)]! * inRow + (at % inRow);
  });
  const source = b.reshape(x, [1, x.shape[1]! * inRow, width]);
  return [b.reshape(b.op("Gather", [source, new Value([cut.length], "int32", cut)], { axis: 1 }), outputs[0]!.shape)];
};

/** A matrix product, and what shows its numbers in another shape or order. */
interface Shown {
  readonly product: Node;
  readonly moves: readonly Node[];
}

/** Whether a node only moves rows, not many fewer than there are, and each whole. */
function movesRows({ op, inputs, attributes, outputs }: Node): boolean {
  const [x, places] = inputs as [Value, Value | undefined];
  const last = x.shape.length - 1;
  if (op === "Reshape") return true;
  if (2 * outputs[0]!.size < x.size) return false;
  if (op === "Gather") return places!.data !== undefined && (attributes.axis as number) < last;
  return op === "Slice" && (attributes.axes as number[]).every((axis) => axis < last);
}

/** The matrix product that `value` shows, where nothing needs it in any other form. */
function shownProduct(value: Value, b: Builder, uses: (value: Value) => number): Shown | undefined {
  const node = uses(value) > 1 ? undefined : b.producer(value);
  if (node?.op === "Gemm") return { product: node, moves: [] };
  const before = node && movesRows(node) ? shownProduct(node.inputs[0]!, b, uses) : undefined;
  return before && { product: before.product, moves: [...before.moves, node!] };
}

/** Another product in the place of one that is shown. */
const shownAs = (b: Builder, product: Value, moves: readonly Node[]) =>
  moves.reduce((x, { op, inputs, attributes }) => b.op(op as "Reshape", [x, ...inputs.slice(1)], attributes), product);

/** What ONNX Runtime computes together with the matrix product that it follows, where nothing stands between. */
const followers = new Set(["LeakyRelu", "Relu", "Sigmoid", "Tanh"]);

/** An activation of the numbers of a matrix product is brought next to the product. */
export const activateProduct: Rule = ({ op, inputs, attributes }, b, uses) => {
  const shown = followers.has(op) ? shownProduct(inputs[0]!, b, uses) : undefined;
  if (!shown || shown.moves.length === 0) return undefined;
  return [shownAs(b, b.op(op as "Relu", [shown.product.outputs[0]!], attributes), shown.moves)];
};

/** Most numbers of a row that is repeated to be as long as the rows of a product. */
const longestRow = 1 << 18;
/** Most numbers of a product that fills them with one number first: ONNX Runtime does so on one thread. */
const mostFilled = 1 << 16;

/**
 * A row that is added to every row of what shows a matrix product is the product's third input, repeated where the product's own rows are
 * several of those.
 */
export const biasOfProduct: Rule = ({ op, inputs, outputs }, b, uses) => {
  if (op !== "Add") return undefined;
  for (const [value, row] of [inputs, inputs.toReversed()] as [Value, Value][]) {
    const width = row.size;
    const number = row.data?.length === 1 && value.size <= mostFilled;
    const wide = row.shape.at(-1) === width && value.shape.at(-1) === width;
    if (!(number || wide) || !sameShape(value.shape, outputs[0]!.shape)) continue;
    const shown = shownProduct(value, b, uses);
    if (shown?.product.inputs.length !== 2) continue;
    if (number) {
      // Of rank 1: ONNX Runtime's GPU product ends the process for a scalar.
      const bias = new Value([1], row.dtype, row.data);
      const filled = b.op("Gemm", [...shown.product.inputs, bias], shown.product.attributes);
      return [shownAs(b, filled, shown.moves)];
    }
    const columns = shown.product.outputs[0]!.shape[1]!;
    const wholeRows = shown.moves.every(({ op, inputs }) => op === "Reshape" || inputs[0]!.shape.at(-1)! % width === 0);
    if (!wholeRows || columns % width !== 0 || (columns > width && columns > longestRow)) continue;
    const repeated = () => b.expand(b.reshape(row, [width]), [columns / width, width]);
    const bias = columns === width ? b.reshape(row, [width]) : b.reshape(repeated(), [1, columns]);
    const product = b.op("Gemm", [...shown.product.inputs, bias], shown.product.attributes);
    return [shownAs(b, product, shown.moves)];
  }
  return undefined;
};

/** Of two products that are added up, each with a row of its own for all rows, one takes the sum of both: ONNX Runtime copies it on one thread. */
export const oneBias: Rule = ({ op, inputs, outputs }, b, uses) => {
  const [x, y] = inputs as [Value, Value];
  if (op !== "Add" || x === y || !sameShape(x.shape, y.shape)) return undefined;
  const [first, second] = [shownProduct(x, b, uses), shownProduct(y, b, uses)];
  const [p, q] = [first?.product.inputs[2], second?.product.inputs[2]];
  if (!first || !second || !p || !q || p.size !== q.size) return undefined;
  const rows = ({ product, moves }: Shown, bias: Value) =>
    bias.size === outputs[0]!.shape.at(-1) &&
    product.outputs[0]!.shape[1] === bias.size &&
    moves.every((move) => move.op === "Reshape" || move.inputs[0]!.shape.at(-1) === bias.size);
  if (!rows(first, p) || !rows(second, q)) return undefined;
  const product = (of: Node, ...bias: Value[]) => b.op("Gemm", [...of.inputs.slice(0, 2), ...bias], of.attributes);
  const plain = shownAs(b, product(first.product), first.moves);
  const biased = shownAs(b, product(second.product, b.op("Add", [p, q])), second.moves);
  return [b.op("Add", [plain, biased])];
};
