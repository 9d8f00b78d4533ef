import type { Chooser } from "../chooser.js";
import type { Rounding, Variable } from "../program.js";
import { json, type Operator, type Operators } from "./operator.js";

const padding = (c: Chooser) => json(c.r.pick(["same", "valid"]));

/** Images [N, ...spatial, C] with a window that fits into them. */
function images(c: Chooser, rank: number, channels = c.r.int(1, 4)) {
  const spatial = c.r.list(rank, () => c.r.int(3, rank === 3 ? 4 : 6));
  return { x: c.of([c.r.int(1, 2), ...spatial, channels]), spatial, channels };
}

const strideOrDilation = (c: Chooser) =>
  c.r.pick([
    [1, 1],
    [1, 1],
    [2, 1],
    [1, 2],
    [3, 1],
  ] as const);

/** tfjs's own convolution; its filter is [...kernel, C, O]. */
const conv = (name: string, rank: number): Operator => ({
  ordinary: true,
  code: (c) => {
    const { x, channels } = images(c, rank);
    const kernel = c.r.list(rank, () => c.r.int(1, 3));
    const filter = c.of([...kernel, channels, c.r.int(1, 3)]);
    const [stride, dilation] = strideOrDilation(c);
    const format = { conv1d: '"NWC"', conv3d: '"NDHWC"' }[name] ?? '"NHWC"';
    return `tf.${name}(${x.name}, ${filter.name}, ${stride}, ${padding(c)}, ${format}, ${dilation})`;
  },
});

const pool = (
  name: string,
  rank: number,
  rounding: Rounding,
  operand: (c: Chooser) => { readonly x: Variable } = (c) => images(c, rank),
): Operator => ({
  rounding,
  code: (c) => {
    const { x } = operand(c);
    return `tf.${name}(${x.name}, ${c.r.int(1, 3)}, ${c.r.int(1, 2)}, ${padding(c)})`;
  },
});

const ownConv: Operator = {
  ordinary: true,
  weight: 4,
  code: (c) => {
    const { r } = c;
    const rank = r.int(1, 3);
    const groups = r.pick([1, 1, 2, 3]);
    const { x, channels } = images(c, rank, groups * r.int(1, 2));
    const filter = c.of([groups * r.int(1, 2), channels / groups, ...r.list(rank, () => r.pick([1, 2, 3, 3]))]);
    const odd = filter.shape.slice(2).every((size) => size % 2 === 1);
    const [stride, dilation] = strideOrDilation(c);
    const options = {
      pad: odd && r.chance(0.5) ? "same" : r.chance(0.4) ? "valid" : r.list(rank, () => r.int(1, 2)),
      stride: r.chance(0.3) ? r.list(rank, () => r.int(1, 2)) : stride,
      dilation,
      groups,
    };
    const bias = r.chance(0.3) ? `bias: ${c.of([filter.shape[0]!]).name}, ` : "";
    return `nn.conv(${x.name}, ${filter.name}, { ${bias}...${json(options)} })`;
  },
};

const groupNorm: Operator = {
  weight: 2,
  code: (c) => {
    const { r } = c;
    const groups = r.int(1, 3);
    const channels = groups * r.int(1, 3);
    const x = c.of([r.int(1, 3), ...c.shape(r.int(1, 3)), channels]);
    const [gamma, beta] = r.list(2, () => c.of(r.chance(0.5) ? [channels] : [x.shape[0]!, channels]).name);
    return `nn.groupNorm(${x.name}, { groups: ${groups}, gamma: ${gamma}, beta: ${beta} })`;
  },
};

const resize = (name: string, rounding: Rounding): Operator => ({
  rounding,
  code: (c) => {
    const { x } = images(c, 2);
    const mode = c.r.pick(["", ", true", ", false, true"]);
    return `tf.image.${name}(${x.name}, [${c.r.int(1, 7)}, ${c.r.int(1, 7)}]${mode})`;
  },
});

export const windows: Operators = {
  nnConv: ownConv,
  conv1d: conv("conv1d", 1),
  conv2d: conv("conv2d", 2),
  conv3d: conv("conv3d", 3),
  depthwiseConv2d: conv("depthwiseConv2d", 2),
  conv2dTranspose: {
    ordinary: true,
    code: (c) => {
      const { x, spatial, channels } = images(c, 2);
      const stride = c.r.int(1, 2);
      const [kernel, out] = [c.r.list(2, () => c.r.int(1, 3)), c.r.int(1, 3)];
      const filter = c.of([...kernel, out, channels]);
      const shape = [x.shape[0], ...spatial.map((size) => size * stride), out];
      return `tf.conv2dTranspose(${x.name}, ${filter.name}, ${json(shape)}, ${stride}, "same")`;
    },
  },
  separableConv2d: {
    ordinary: true,
    code: (c) => {
      const { x, channels } = images(c, 2);
      const multiplier = c.r.int(1, 2);
      const depth = c.of([2, 3, channels, multiplier]);
      return `tf.separableConv2d(${x.name}, ${depth.name}, ${c.of([1, 1, channels * multiplier, 2]).name}, ${c.r.int(1, 2)}, ${padding(c)})`;
    },
  },
  groupNorm,
  batchNorm: {
    code: (c) => {
      const { x, channels } = images(c, 2);
      const [mean, offset, scale] = c.r.list(3, () => c.of([channels]).name);
      return `tf.batchNorm(${x.name}, ${mean}, tf.abs(${c.of([channels]).name}), ${offset}, ${scale})`;
    },
  },
  nearest: {
    rounding: "none",
    code: (c) => {
      const x = c.tensor(({ shape }) => shape.length > 0 && shape.every((size) => size > 0), () => c.fresh([3, 4])); // biome-ignore format: one line
      return `nn.nearest(${x.name}, ${c.r.int(0, x.shape.length - 1)}, ${c.r.int(1, 6)})`;
    },
  },
  resizeNearestNeighbor: resize("resizeNearestNeighbor", "none"),
  resizeBilinear: resize("resizeBilinear", "relative"),
  avgPool: { ...pool("avgPool", 2, "relative"), ordinary: true },
  maxPool: { ...pool("maxPool", 2, "none"), ordinary: true },
  avgPool3d: { ...pool("avgPool3d", 3, "relative"), ordinary: true },
  // Among equal largest elements tfjs's gradient goes to the last one here, though to the first one in two dimensions.
  maxPool3d: pool("maxPool3d", 3, "none", (c) => ({ x: c.distinct([1, 4, 3, 4, c.r.int(1, 2)]) })),
  localResponseNormalization: {
    ordinary: true,
    code: (c) => `tf.localResponseNormalization(${images(c, 2).x.name}, ${c.r.int(1, 2)}, 1, 0.5, 0.6)`,
  },
  flipLeftRight: { rounding: "none", code: (c) => `tf.image.flipLeftRight(${images(c, 2).x.name})` },
  dilation2d: {
    ordinary: true,
    code: (c) => {
      const { x, channels } = images(c, 2);
      return `tf.dilation2d(${x.name}, ${c.of([2, 2, channels]).name}, 1, ${padding(c)}, 1)`;
    },
  },
  fusedConv2d: {
    rounding: "absolute",
    ordinary: true,
    code: (c) => {
      const { x, channels } = images(c, 2);
      const out = c.r.int(1, 3);
      const [filter, bias] = [c.of([c.r.int(1, 3), c.r.int(1, 3), channels, out]), c.of([out])];
      const activation = json(c.r.pick(["linear", "relu", "relu6", "elu", "sigmoid"]));
      return `tf.fused.conv2d({ x: ${x.name}, filter: ${filter.name}, strides: ${c.r.int(1, 2)}, pad: ${padding(c)}, bias: ${bias.name}, activation: ${activation} })`;
    },
  },
  fusedDepthwiseConv2d: {
    ordinary: true,
    code: (c) => {
      const { x, channels } = images(c, 2);
      const filter = c.of([2, 3, channels, c.r.int(1, 2)]);
      return `tf.fused.depthwiseConv2d({ x: ${x.name}, filter: ${filter.name}, strides: 1, pad: ${padding(c)}, activation: "relu" })`;
    },
  },
  maxPoolWithArgmax: {
    rounding: "none",
    ordinary: true,
    code: (c) => {
      const { x } = images(c, 2);
      const part = c.r.pick(["result", "indexes"]);
      return `tf.maxPoolWithArgmax(${x.name}, ${c.r.int(1, 3)}, ${c.r.int(1, 2)}, ${padding(c)}).${part}`;
    },
  },
  cropAndResize: {
    ordinary: true,
    code: (c) => {
      const { x } = images(c, 2);
      const boxes = c.values([3, 4], [0.05, 0.12, 0.93, 0.87, 0.13, 0.71, 0.81, 0.23, -0.31, 0.17, 0.62, 1.43]).name;
      const indices = c.integers([3], 0, x.shape[0]! - 1);
      const mode = c.r.pick(['"bilinear"', '"nearest", 0.5']);
      return `tf.image.cropAndResize(${x.name}, ${boxes}, ${indices.name}, [${c.r.int(2, 5)}, ${c.r.int(2, 5)}], ${mode})`;
    },
  },
  rotateWithOffset: {
    rounding: "none",
    code: (c) => `tf.image.rotateWithOffset(${images(c, 2).x.name}, ${c.r.pick([0.3, 1.1, -2])}, 0.5, [0.4, 0.6])`,
  },
  transform: {
    ordinary: true,
    code: (c) => {
      // tfjs's cpu backend leaves out all images but the first.
      const x = c.of([1, c.r.int(3, 6), c.r.int(3, 6), c.r.int(1, 3)]);
      const matrix = c.values([1, 8], [1.1, 0.2, -0.4, 0.1, 0.9, 0.3, 0.01, 0.02]).name;
      const modes = `${json(c.r.pick(["nearest", "bilinear"]))}, ${json(c.r.pick(["constant", "reflect", "wrap", "nearest"]))}`;
      return `tf.image.transform(${x.name}, ${matrix}, ${modes}, 0.7, [${c.r.int(2, 6)}, ${c.r.int(2, 6)}])`;
    },
  },
};
