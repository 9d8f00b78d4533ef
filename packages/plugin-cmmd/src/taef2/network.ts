import { nn, tf } from "@cmmd/jit";
import { type Layer, type LayerKind, type Shapes, sequence } from "../autoencoder/sequence.js";

const channels = 64;
export const latentChannels = 32;

const filter = (name: string, out: number, into: number, size: number): Shapes => ({
  [`${name}.weight`]: [out, into, size, size],
});
const bias = (name: string, out: number): Shapes => ({ [`${name}.bias`]: [out] });

const block: LayerKind = {
  shapes: ({ into, out }) =>
    Object.assign({}, ...[0, 2, 4].map((i) => ({ ...filter(`.conv.${i}`, out, into, 3), ...bias(`.conv.${i}`, out) }))),
  apply(x, _, weight) {
    const convolved = (y: tf.Tensor4D, i: number) =>
      nn.conv(y, weight(`.conv.${i}.weight`), { bias: weight(`.conv.${i}.bias`) });
    return tf.relu(tf.add(x, convolved(tf.relu(convolved(tf.relu(convolved(x, 0)), 2)), 4)));
  },
};

/** Groups of the norm over whole pictures in the blocks at the coarsest level. */
const poolGroups = 4;

/** Kinds of layers of the TAESD family, named by their place in PyTorch's Sequential. */
const kinds = {
  block,
  /** A block that first adds what a norm over the whole picture says. */
  pooled: {
    shapes: (layer) => ({
      ...block.shapes(layer),
      ...filter(".pool.0", 4 * layer.into, layer.into, 1),
      ".pool.1.weight": [4 * layer.into],
      ".pool.1.bias": [4 * layer.into],
      ...filter(".pool.3", layer.into, 4 * layer.into, 1),
    }),
    apply(x, layer, weight) {
      const wide = nn.groupNorm(nn.linear(x, weight(".pool.0.weight")), {
        groups: poolGroups,
        gamma: weight(".pool.1.weight"),
        beta: weight(".pool.1.bias"),
      });
      return block.apply(tf.add(x, nn.linear(tf.relu(wide), weight(".pool.3.weight"))), layer, weight);
    },
  },
  conv: {
    shapes: ({ into, out }) => ({ ...filter("", out, into, 3), ...bias("", out) }),
    apply: (x, _, weight) => nn.conv(x, weight(".weight"), { bias: weight(".bias") }),
  },
  /** Halves height and width. */
  down: {
    shapes: ({ into, out }) => filter("", out, into, 3),
    apply: (x, _, weight) => nn.conv(x, weight(".weight"), { stride: 2, pad: [1, 1] }),
  },
  /** Doubles height and width by repetition. */
  double: {
    shapes: () => ({}),
    apply: (x) => tf.image.resizeNearestNeighbor(x, [2 * x.shape[1], 2 * x.shape[2]]),
  },
  unbiased: {
    shapes: ({ into, out }) => filter("", out, into, 3),
    apply: (x, _, weight) => nn.conv(x, weight(".weight")),
  },
  /** Keeps latents within [-3, 3], smoothly. */
  clamp: { shapes: () => ({}), apply: (x) => tf.mul(tf.tanh(tf.div(x, 3)), 3) },
  relu: { shapes: () => ({}), apply: (x) => tf.relu(x) },
} as const satisfies Readonly<Record<string, LayerKind>>;
type Kind = keyof typeof kinds;

/** Layers in the order of PyTorch's Sequential; their weights begin with their place. */
const places = (into: number, out: number, layers: readonly Kind[]): Layer<Kind>[] =>
  layers.map((kind, i) => ({
    kind,
    name: String(i),
    into: i === layers.indexOf("conv") ? into : channels,
    out: i === layers.length - 1 ? out : channels,
  }));
const three = (kind: Kind): Kind[] => [kind, kind, kind];

/** Pictures [N, H, W, 3] in [0, 1] to latents [N, H / 8, W / 8, 32]. */
export const encoder = sequence(
  kinds,
  places(3, latentChannels, [
    "conv",
    "block",
    "down",
    ...three("block"),
    "down",
    ...three("block"),
    "down",
    ...three("pooled"),
    "conv",
  ]),
);

/** Latents [N, h, w, 32] to pictures [N, 8 h, 8 w, 3] of about [0, 1]. */
export const decoder = sequence(
  kinds,
  places(latentChannels, 3, [
    "clamp",
    "conv",
    "relu",
    ...three("pooled"),
    "double",
    "unbiased",
    ...three("block"),
    "double",
    "unbiased",
    ...three("block"),
    "double",
    "unbiased",
    "block",
    "conv",
  ]),
);
