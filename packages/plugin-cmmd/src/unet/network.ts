import { nn, tf } from "@cmmd/jit";
import { fuseByAttention } from "./cross-attention.js";
import {
  attend,
  convAudio,
  convSpatial,
  convTemporal,
  doubleAudio,
  doubleVideo,
  fuse,
  type Hidden,
  modulatedNorm,
  norm,
  type Parameters,
  pointwise,
  poolAudio,
  poolVideo,
} from "./layers.js";
import type { UnetOptions } from "./options.js";
import { type Module, topology } from "./topology.js";

export { initialise, shapes as parameters } from "./parameters.js";

/** Recomputation gives the same gradients. */
export const incidental: readonly (keyof UnetOptions)[] = ["checkpoint"];

const fusions = {
  none: (_p: Parameters, _name: string, x: Hidden) => x,
  easy: fuse,
  "cross-attention": fuseByAttention,
} as const;

/** Sinusoidal embedding [B, channels] of diffusion steps n [B]: cosines, then sines, of n / 10000^(j / half). */
function timeEmbedding(n: tf.Tensor1D, channels: number): tf.Tensor2D {
  const half = channels / 2;
  const frequencies = tf.exp(tf.mul(tf.range(0, half), -Math.log(10000) / half));
  const angles = tf.mul(n.expandDims(1), frequencies.expandDims(0));
  return tf.concat([tf.cos(angles), tf.sin(angles)], 1) as tf.Tensor2D;
}

/** What one module computes from. */
interface ModuleInputs {
  readonly p: Parameters;
  /** Time embedding after its activation. */
  readonly embedding: tf.Tensor;
  readonly x: Hidden;
  /** Comes behind the channels of `x`. */
  readonly skip?: Hidden;
}

const parametersOf = (p: Parameters, { name }: Module): Parameters =>
  Object.fromEntries(Object.entries(p).filter(([parameter]) => parameter.startsWith(`${name}.`)));

function computeModule(m: Module, { p, embedding, x: given, skip: other }: ModuleInputs, options: UnetOptions): Hidden {
  const { groups, head_dim: headDim } = options;
  const x = other
    ? { video: tf.concat([given.video, other.video], 4), audio: tf.concat([given.audio, other.audio], 2) }
    : given;

  const residual = <T extends tf.Tensor>(name: string, x: T, into: (h: T) => T, pool: (h: T) => T): T => {
    let h = into(pool(nn.silu(norm(p, `${name}.n1`, x, groups))));
    const film = pointwise(p, `${name}.emb`, embedding);
    const [scale, shift] = tf.split(film, 2, 1) as [tf.Tensor, tf.Tensor];
    h = modulatedNorm(p, `${name}.n2`, h, groups, scale, shift);
    h = pointwise(p, `${name}.c2`, nn.silu(h));
    const skip = pool(x);
    return tf.add(`${name}.skip.weight` in p ? pointwise(p, `${name}.skip`, skip) : skip, h);
  };

  const attendVideo = (name: string, x: tf.Tensor5D): tf.Tensor5D => {
    const [b, f, h, w, c] = x.shape;
    const spatial = attend(p, `${name}.sa`, x.reshape([b * f, h * w, c]), groups, headDim);
    const turned = spatial.reshape([b, f, h * w, c]).transpose([0, 2, 1, 3]);
    const temporal = attend(p, `${name}.ta`, turned.reshape([b * h * w, f, c]), groups, headDim);
    return temporal
      .reshape([b, h * w, f, c])
      .transpose([0, 2, 1, 3])
      .reshape([b, f, h, w, c]);
  };

  const down = m.kind === "down";
  const same = <T>(value: T): T => value;
  const video = residual(
    `${m.name}.v`,
    x.video,
    (h) => convTemporal(p, `${m.name}.v.c1.1`, convSpatial(p, `${m.name}.v.c1.0`, h)),
    down ? poolVideo : same,
  );
  const audio = residual(`${m.name}.a`, x.audio, (h) => convAudio(p, `${m.name}.a.c1`, h), down ? poolAudio : same);
  if (m.kind === "up") return { video: doubleVideo(video), audio: doubleAudio(audio) };
  if (m.kind === "down") return { video, audio };
  const fused = m.fusion ? fusions[options.fusion](p, m.name, { video, audio }, options) : { video, audio };
  if (!m.attention) return fused;
  return {
    video: attendVideo(m.name, fused.video),
    audio: attend(p, `${m.name}.aa`, fused.audio, groups, headDim),
  };
}

/**
 * The joint U-Net of CMMD: video latents [B, F, H, W, C], mel [B, T, M], integer steps n [B] to outputs of the same shapes.
 * F is free; H, W and T must be multiples of 2^(levels - 1).
 */
export function apply(
  p: Parameters,
  inputs: { readonly video: tf.Tensor5D; readonly audio: tf.Tensor3D; readonly n: tf.Tensor1D },
  options: UnetOptions,
): Hidden {
  const { groups } = options;
  const { encoder, middle, decoder } = topology(options);
  const hidden = nn.silu(pointwise(p, "time.0", timeEmbedding(inputs.n, options.channels)));
  const embedding = nn.silu(pointwise(p, "time.2", hidden));

  const step = (m: Module, x: Hidden, skip?: Hidden): Hidden => {
    const inputs: ModuleInputs = { p: parametersOf(p, m), embedding, x, ...(skip && { skip }) };
    const compute = (inputs: ModuleInputs) => computeModule(m, inputs, options);
    return options.checkpoint ? nn.checkpoint(compute, inputs) : compute(inputs);
  };

  let x: Hidden = {
    video: convTemporal(p, "v_in.1", convSpatial(p, "v_in.0", inputs.video)),
    audio: convAudio(p, "a_in", inputs.audio),
  };
  const skips = [x];
  for (const m of encoder) {
    x = step(m, x);
    skips.push(x);
  }
  for (const m of middle) x = step(m, x);
  for (const m of decoder) x = step(m, x, m.skip === undefined ? undefined : skips[m.skip]);
  return {
    video: convSpatial(p, "v_out.2", nn.silu(norm(p, "v_out.0", x.video, groups))),
    audio: convAudio(p, "a_out.2", nn.silu(norm(p, "a_out.0", x.audio, groups))),
  };
}
