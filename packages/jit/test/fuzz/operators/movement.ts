import { sizeOf } from "../../../src/ir/graph.js";
import type { Chooser } from "../chooser.js";
import { axisOf, json, type Operators, range } from "./operator.js";

/** Another shape of so many elements. */
function anotherShape(c: Chooser, size: number): number[] {
  const { r } = c;
  const shape: number[] = [];
  let rest = size;
  while (rest > 1 && shape.length < 5) {
    const divisors = range(rest).map((i) => i + 1).filter((d) => rest % d === 0); // biome-ignore format: one line
    const d = r.chance(0.2) ? rest : r.pick(divisors);
    shape.push(d);
    rest /= d;
  }
  if (rest !== 1) shape.push(rest);
  return size === 0 ? [0, r.int(1, 3)] : shape;
}

const any = (c: Chooser, low = 0, high = 6) =>
  c.tensor(
    ({ shape }) => shape.length >= low && shape.length <= high,
    () => c.fresh(c.shape(c.rank(low, high)), c.r.pick(["float32", "float32", "float32", "int32", "bool"])),
  );

function slice(c: Chooser): string {
  const x = any(c, 1);
  const begin = x.shape.map((size) => c.r.int(0, Math.max(0, size - 1)));
  const size = x.shape.map((length, i) => (c.r.chance(0.3) ? -1 : c.r.int(c.empty ? 0 : 1, length - begin[i]!)));
  return `tf.slice(${x.name}, ${json(begin)}, ${json(size)})`;
}

function stridedSlice(c: Chooser): string {
  const { r } = c;
  const x = any(c, 1, 5);
  const strides = x.shape.map(() => (r.chance(0.6) ? 1 : r.pick([1, 2, 3, -1, -2])));
  const begin = x.shape.map((size) => r.int(-size, size));
  const end = x.shape.map((size) => r.int(-size - 1, size + 1));
  const bits = () => (r.chance(0.4) ? r.int(0, 2 ** x.shape.length - 1) : 0);
  // With other strides beside it, tfjs takes the axis that is dropped from the beginning.
  const dropped = strides.every((stride) => stride === 1) ? bits() : 0;
  const masks = [bits(), bits(), 0, r.chance(0.2) ? bits() : 0, dropped];
  return `tf.stridedSlice(${x.name}, ${json(begin)}, ${json(end)}, ${json(strides)}, ${masks.join(", ")})`;
}

function mirrorPad(c: Chooser): string {
  const x = any(c, 1, 4);
  const mode = c.r.pick(["reflect", "symmetric"]);
  const most = (size: number) => (c.r.chance(0.4) ? 0 : c.r.int(0, Math.min(2, mode === "reflect" ? size - 1 : size)));
  return `tf.mirrorPad(${x.name}, ${json(x.shape.map((size) => [most(size), most(size)]))}, ${json(mode)})`;
}

/** Tensors of the same shape but for one axis. */
function concat(c: Chooser): string {
  const x = any(c, 1);
  const axis = c.r.int(0, x.shape.length - 1);
  const others = c.r.list(c.r.int(0, 2), () =>
    c.of(c.r.chance(0.5) ? x.shape : x.shape.map((size, i) => (i === axis ? c.r.int(1, 3) : size)), x.dtype),
  );
  const tensors = c.r.shuffled([x, ...others]).map(({ name }) => name);
  return `tf.concat([${tensors}], ${c.r.chance(0.3) ? axis - x.shape.length : axis})`;
}

function split(c: Chooser): string | undefined {
  const x = any(c, 1);
  const axis = c.r.int(0, x.shape.length - 1);
  const length = x.shape[axis]!;
  if (length === 0) return undefined;
  const first = c.r.int(c.empty ? 0 : 1, length);
  const sizes = first === length ? [length] : [first, length - first];
  return `tf.split(${x.name}, ${json(sizes)}, ${axis})[${c.r.int(0, sizes.length - 1)}]`;
}

function gather(c: Chooser): string | undefined {
  const { r } = c;
  const x = any(c, 1, 4);
  const axis = r.int(0, x.shape.length - 1);
  if (x.shape[axis] === 0) return undefined;
  const batch = axis > 0 && r.chance(0.25) ? r.int(1, axis) : 0;
  const shape = [...x.shape.slice(0, batch), ...c.shape(r.int(batch > 0 ? 1 : 0, 2))];
  const indices = c.integers(shape, 0, x.shape[axis]! - 1);
  return `tf.gather(${x.name}, ${indices.name}, ${axis}${batch > 0 ? `, ${batch}` : ""})`;
}

function gatherND(c: Chooser): string | undefined {
  const x = any(c, 1, 4);
  if (sizeOf(x.shape) === 0) return undefined;
  const depth = c.r.int(1, x.shape.length);
  const most = Math.min(...x.shape.slice(0, depth));
  if (most === 0) return undefined;
  return `tf.gatherND(${x.name}, ${c.integers([...c.shape(c.r.int(0, 2)), depth], 0, most - 1).name})`;
}

/** Indices of distinct rows, so that their order does not matter. */
function scatterND(c: Chooser): string {
  const length = c.r.int(1, 6);
  const count = c.r.int(1, length);
  const rest = c.shape(c.r.int(0, 2));
  const indices = c.r.shuffled(range(length)).slice(0, count).map((i) => [i]); // biome-ignore format: one line
  return `tf.scatterND(tf.tensor2d(${json(indices)}, undefined, "int32"), ${c.of([count, ...rest]).name}, ${json([length, ...rest])})`;
}

const moves: Operators = {
  reshape: {
    weight: 3,
    code: (c) => {
      const x = any(c);
      return `tf.reshape(${x.name}, ${json(anotherShape(c, sizeOf(x.shape)))})`;
    },
  },
  transpose: {
    weight: 4,
    code: (c) => {
      const x = any(c);
      return c.r.chance(0.2)
        ? `tf.transpose(${x.name})`
        : `tf.transpose(${x.name}, ${json(c.r.shuffled(range(x.shape.length)))})`;
    },
  },
  expandDims: {
    code: (c) => {
      const x = any(c, 0, 5);
      return `tf.expandDims(${x.name}, ${c.r.int(-x.shape.length - 1, x.shape.length)})`;
    },
  },
  squeeze: { code: (c) => `tf.squeeze(${any(c).name})` },
  slice: { weight: 2, code: slice },
  stridedSlice: { weight: 2, code: stridedSlice },
  pad: {
    weight: 2,
    code: (c) => {
      const x = any(c, 0, 4);
      const pads = x.shape.map(() => [c.r.pick([0, 0, 1, 2]), c.r.pick([0, 0, 1, 2])]);
      return `tf.pad(${x.name}, ${json(pads)}${c.r.chance(0.4) ? `, ${x.dtype === "float32" ? 1.5 : 1}` : ""})`;
    },
  },
  mirrorPad: { code: mirrorPad },
  tile: {
    weight: 2,
    code: (c) => {
      const x = any(c, 1);
      return `tf.tile(${x.name}, ${json(x.shape.map(() => c.r.pick([1, 1, 1, 2, 3])))})`;
    },
  },
  broadcastTo: {
    code: (c) => {
      const x = any(c, 0, 5);
      const shape = x.shape.map((size) => (size === 1 ? c.r.int(1, 3) : size));
      return `tf.broadcastTo(${x.name}, ${json(c.r.chance(0.3) ? [c.r.int(1, 3), ...shape] : shape)})`;
    },
  },
  concat: { weight: 2, code: concat },
  stack: {
    code: (c) => {
      const x = any(c, 0, 5);
      const others = c.r.list(c.r.int(0, 2), () => c.of(x.shape, x.dtype).name);
      return `tf.stack([${[x.name, ...others]}], ${c.r.int(0, x.shape.length)})`;
    },
  },
  unstack: {
    code: (c) => {
      const x = any(c, 1);
      const axis = c.r.int(0, x.shape.length - 1);
      return x.shape[axis] === 0 ? undefined : `tf.unstack(${x.name}, ${axis})[${c.r.int(0, x.shape[axis]! - 1)}]`;
    },
  },
  split: { weight: 2, code: split },
  gather: { weight: 2, code: gather },
  gatherND: { code: gatherND },
  scatterND: { code: scatterND },
  tensorScatterUpdate: {
    code: (c) => {
      const x = c.float(1, 3);
      const [length, ...rest] = x.shape as [number, ...number[]];
      const rows = c.r.shuffled(range(length)).slice(0, c.r.int(1, 3));
      const updates = c.of([rows.length, ...rest]);
      // tfjs's cpu backend writes into its operand, so that it gets a copy.
      return `tf.tensorScatterUpdate(${x.name}.mul(1), tf.tensor2d(${json(rows.map((row) => [row]))}, undefined, "int32"), ${updates.name})`;
    },
  },
  sparseToDense: {
    code: (c) => {
      const places = c.r.shuffled(range(6)).slice(0, c.r.int(1, 6)).sort((a, b) => a - b); // biome-ignore format: one line
      return `tf.sparseToDense(tf.tensor1d(${json(places)}, "int32"), ${c.of([places.length]).name}, [6], ${c.r.pick([0, 1.5])})`;
    },
  },
  bincount: {
    code: (c) => {
      const x = c.integers([c.r.int(1, 9)], 0, 5);
      const weights = c.r.chance(0.5) ? c.of(x.shape).name : "tf.tensor1d([])";
      return `tf.${c.r.pick(["bincount", "denseBincount"])}(${x.name}, ${weights}, ${c.r.int(1, 6)})`;
    },
  },
  searchSorted: {
    code: (c) => {
      const sorted = c.r.pick(["[-1, 0, 0, 0.5, 2]", "[0]", "[-3, -2, 1, 1]"]);
      return `tf.searchSorted(tf.tensor1d(${sorted}), ${c.float(1, 1).name}, ${json(c.r.pick(["left", "right"]))})`;
    },
  },
  broadcastArgs: {
    code: (c) => `tf.broadcastArgs(tf.tensor1d([3, 1], "int32"), tf.tensor1d(${c.r.pick(["[2]", "[1, 2]"])}, "int32"))`,
  },
  reverse: {
    code: (c) => {
      const x = any(c, 1, 5);
      return `tf.reverse(${x.name}, ${json(c.r.chance(0.4) ? axisOf(c, x.shape.length) : c.r.subset(range(x.shape.length)))})`;
    },
  },
  oneHot: {
    code: (c) => {
      const indices = c.integers(c.shape(c.rank(0, 3)), -1, 4);
      return `tf.oneHot(${indices.name}, ${c.r.int(1, 5)}${c.r.chance(0.4) ? ", 2, -1" : ""})`;
    },
  },
  depthToSpace: {
    code: (c) => {
      const block = c.r.int(2, 3);
      const x = c.of([c.r.int(1, 2), c.r.int(1, 3), c.r.int(1, 3), c.r.int(1, 2) * block * block]);
      return `tf.depthToSpace(${x.name}, ${block}, "NHWC")`;
    },
  },
  spaceToBatchND: {
    code: (c) => {
      const [h, w] = [2 * c.r.int(1, 2), 2 * c.r.int(1, 2)];
      const x = c.of([c.r.int(1, 2), h, w, c.r.int(1, 3)]);
      return `tf.spaceToBatchND(${x.name}, [2, 2], ${c.r.pick(["[[0, 0], [0, 0]]", "[[1, 1], [0, 2]]"])})`;
    },
  },
  batchToSpaceND: {
    code: (c) => {
      const x = c.of([4 * c.r.int(1, 2), c.r.int(1, 3), c.r.int(1, 3), c.r.int(1, 3)]);
      return `tf.batchToSpaceND(${x.name}, [2, 2], ${c.r.pick(["[[0, 0], [0, 0]]", "[[1, 0], [0, 1]]"])})`;
    },
  },
  constants: {
    code: (c) =>
      c.r.pick([
        `tf.fill(${json(c.shape(c.rank(0, 3)))}, ${c.r.pick([0, 1, -2, 0.5])})`,
        `tf.range(0, ${c.r.int(1, 9)}, ${c.r.pick([1, 2, 0.5])})`,
        `tf.linspace(-1, 2, ${c.r.int(1, 6)})`,
        `tf.eye(${c.r.int(1, 4)})`,
        `tf.tensor1d([1, -2, 3.5])`,
        `tf.ones(${json(c.shape(c.rank(0, 3)))}, "int32")`,
      ]),
  },
  diag: { code: (c) => `tf.diag(${c.float(1, 2).name})` },
  bandPart: { code: (c) => `tf.linalg.bandPart(${c.float(2, 3).name}, ${c.r.int(-1, 1)}, ${c.r.int(-1, 1)})` },
};

/** Moving elements changes none of them. */
export const movement: Operators = Object.fromEntries(
  Object.entries(moves).map(([name, operator]) => [name, { ...operator, rounding: "none" }]),
);
