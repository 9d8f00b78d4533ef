import { nn, tf } from "@cmmd/jit";
import { type Layer, type LayerKind, type Shapes, sequence } from "../autoencoder/sequence.js";

/** Sizes of an AutoencoderKL; those of Stable Diffusion unless a test makes a smaller one. */
export interface KlSizes {
  /** Channels of each level, the finest first. Each level after the first halves height and width. */
  readonly widths: readonly number[];
  /** Residual blocks of each level of the encoder; the decoder has one more. */
  readonly blocks: number;
  readonly groups: number;
  readonly latents: number;
}
export const stableDiffusion: KlSizes = { widths: [128, 256, 512, 512], blocks: 2, groups: 32, latents: 4 };

const eps = 1e-6;
const affine = (name: string, channels: number): Shapes => ({
  [`${name}.weight`]: [channels],
  [`${name}.bias`]: [channels],
});
const convolution = (name: string, out: number, into: number, size: number): Shapes => ({
  [`${name}.weight`]: [out, into, size, size],
  [`${name}.bias`]: [out],
});
const linear = (name: string, out: number, into: number): Shapes => ({
  [`${name}.weight`]: [out, into],
  [`${name}.bias`]: [out],
});

type Weight = (name: string) => tf.Tensor;
const conv = (x: tf.Tensor4D, weight: Weight, name: string) =>
  nn.conv(x, weight(`${name}.weight`), { bias: weight(`${name}.bias`) });
/** A convolution of size 1, or a linear layer on the channels. */
const pointwise = <T extends tf.Tensor>(x: T, weight: Weight, name: string) =>
  nn.linear(x, weight(`${name}.weight`), weight(`${name}.bias`));

/** Kinds of layers of an AutoencoderKL; names are those of diffusers. */
function kindsOf(groups: number) {
  const norm = <T extends tf.Tensor>(x: T, weight: Weight, name: string) =>
    nn.groupNorm(x, { groups, gamma: weight(`${name}.weight`), beta: weight(`${name}.bias`), eps });
  const residual: LayerKind = {
    shapes: ({ into, out }) => ({
      ...affine(".norm1", into),
      ...convolution(".conv1", out, into, 3),
      ...affine(".norm2", out),
      ...convolution(".conv2", out, out, 3),
      ...(into === out ? {} : convolution(".conv_shortcut", out, into, 1)),
    }),
    apply(x, { into, out }, weight) {
      const h = conv(nn.silu(norm(x, weight, ".norm1")), weight, ".conv1");
      const y = conv(nn.silu(norm(h, weight, ".norm2")), weight, ".conv2");
      return tf.add(into === out ? x : pointwise(x, weight, ".conv_shortcut"), y);
    },
  };
  /** One head over all positions of a picture. */
  const attention: LayerKind = {
    shapes: ({ out }) => ({
      ...affine(".group_norm", out),
      ...linear(".to_q", out, out),
      ...linear(".to_k", out, out),
      ...linear(".to_v", out, out),
      ...linear(".to_out.0", out, out),
    }),
    apply(x, { out }, weight) {
      const [n, h, w] = x.shape;
      const rows = norm(x, weight, ".group_norm").reshape([n, h * w, out]);
      const [q, k, v] = [".to_q", ".to_k", ".to_v"].map((name) => pointwise(rows, weight, name)) as [
        tf.Tensor,
        tf.Tensor,
        tf.Tensor,
      ];
      const y = nn.attention(q, k, v, { scale: out ** -0.5 });
      return tf.add(x, pointwise(y, weight, ".to_out.0").reshape(x.shape));
    },
  };
  return {
    residual,
    attention,
    conv: {
      shapes: ({ into, out }) => convolution("", out, into, 3),
      apply: (x, _, weight) => conv(x, weight, ""),
    },
    pointwise: {
      shapes: ({ into, out }) => convolution("", out, into, 1),
      apply: (x, _, weight) => pointwise(x, weight, ""),
    },
    /** Halves height and width: zeros below and on the right only, as published. */
    down: {
      shapes: ({ into, out }) => convolution("", out, into, 3),
      apply: (x, _, weight) =>
        nn.conv(
          tf.pad4d(x, [
            [0, 0],
            [0, 1],
            [0, 1],
            [0, 0],
          ]),
          weight(".weight"),
          { bias: weight(".bias"), stride: 2, pad: "valid" },
        ),
    },
    /** Doubles height and width by repetition, then a convolution. */
    up: {
      shapes: ({ into, out }) => convolution("", out, into, 3),
      apply: (x, _, weight) => conv(tf.image.resizeNearestNeighbor(x, [2 * x.shape[1], 2 * x.shape[2]]), weight, ""),
    },
    normed: {
      shapes: ({ into }) => affine("", into),
      apply: (x, _, weight) => nn.silu(norm(x, weight, "")),
    },
  } as const satisfies Readonly<Record<string, LayerKind>>;
}
type Kind = keyof ReturnType<typeof kindsOf>;

const layer = (kind: Kind, name: string, into: number, out = into): Layer<Kind> => ({ kind, name, into, out });
const middle = (side: string, channels: number) => [
  layer("residual", `${side}.mid_block.resnets.0`, channels),
  layer("attention", `${side}.mid_block.attentions.0`, channels),
  layer("residual", `${side}.mid_block.resnets.1`, channels),
];

/** Pictures [N, H, W, 3] in [-1, 1] to means and log variances [N, H / f, W / f, 2 latents]. */
export function klEncoder({ widths, blocks, groups, latents }: KlSizes) {
  const last = widths.at(-1)!;
  return sequence(kindsOf(groups), [
    layer("conv", "encoder.conv_in", 3, widths[0]),
    ...widths.flatMap((width, level) => [
      ...Array.from({ length: blocks }, (_, i) =>
        layer(
          "residual",
          `encoder.down_blocks.${level}.resnets.${i}`,
          i === 0 ? (widths[level - 1] ?? width) : width,
          width,
        ),
      ),
      ...(level < widths.length - 1 ? [layer("down", `encoder.down_blocks.${level}.downsamplers.0.conv`, width)] : []),
    ]),
    ...middle("encoder", last),
    layer("normed", "encoder.conv_norm_out", last),
    layer("conv", "encoder.conv_out", last, 2 * latents),
    layer("pointwise", "quant_conv", 2 * latents),
  ]);
}

/** Latents [N, h, w, latents], not scaled, to pictures [N, h f, w f, 3] of about [-1, 1]. */
export function klDecoder({ widths, blocks, groups, latents }: KlSizes) {
  const levels = widths.toReversed();
  return sequence(kindsOf(groups), [
    layer("pointwise", "post_quant_conv", latents),
    layer("conv", "decoder.conv_in", latents, levels[0]),
    ...middle("decoder", levels[0]!),
    ...levels.flatMap((width, level) => [
      ...Array.from({ length: blocks + 1 }, (_, i) =>
        layer(
          "residual",
          `decoder.up_blocks.${level}.resnets.${i}`,
          i === 0 ? (levels[level - 1] ?? width) : width,
          width,
        ),
      ),
      ...(level < levels.length - 1 ? [layer("up", `decoder.up_blocks.${level}.upsamplers.0.conv`, width)] : []),
    ]),
    layer("normed", "decoder.conv_norm_out", widths[0]!),
    layer("conv", "decoder.conv_out", widths[0]!, 3),
  ]);
}

const olderNames: Readonly<Record<string, string>> = {
  query: "to_q",
  key: "to_k",
  value: "to_v",
  proj_attn: "to_out.0",
};
/** Names of diffusers before 0.18, which `sd-vae-ft-mse` was published with, as those since. */
export const currentName = (name: string) =>
  name.replace(/(?<=\.attentions\.0\.)(query|key|value|proj_attn)(?=\.)/, (old) => olderNames[old]!);
