import { nn, tf } from "@cmmd/jit";

/** The network's parameters by name. */
export type Parameters = Readonly<Record<string, tf.Tensor>>;

/** What passes between the modules: video [B, F, H, W, C] and audio [B, T, C]. */
export interface Hidden {
  readonly video: tf.Tensor5D;
  readonly audio: tf.Tensor3D;
}

const get = (p: Parameters, name: string): tf.Tensor => {
  const value = p[name];
  if (!value) throw new Error(`the network has no parameter ${name}`);
  return value;
};

/** Group norm of channels-last [N, ..., C] over all middle dimensions, then nothing. */
export function norm<T extends tf.Tensor>(p: Parameters, name: string, x: T, groups: number): T {
  return nn.groupNorm(x, {
    groups,
    gamma: get(p, `${name}.weight`) as tf.Tensor1D,
    beta: get(p, `${name}.bias`) as tf.Tensor1D,
    eps: 1e-5,
  });
}

/** norm(x) (1 + scale) + shift with scale and shift [N, C]: folded into the norm's own scale and offset, so that x is read once. */
export function modulatedNorm<T extends tf.Tensor>(
  p: Parameters,
  name: string,
  x: T,
  groups: number,
  scale: tf.Tensor,
  shift: tf.Tensor,
): T {
  const factor = tf.add(scale, 1);
  const gamma = tf.mul(factor, get(p, `${name}.weight`));
  const beta = tf.add(tf.mul(factor, get(p, `${name}.bias`)), shift);
  return nn.groupNorm(x, { groups, gamma, beta, eps: 1e-5 });
}

/** 1x1 convolution or linear layer on the last dimension: weight [out, in, 1...]. */
export function pointwise<T extends tf.Tensor>(p: Parameters, name: string, x: T): T {
  const weight = get(p, `${name}.weight`);
  const matrix = weight.reshape([weight.shape[0]!, weight.shape[1]!]) as tf.Tensor2D;
  return nn.linear(x, matrix, get(p, `${name}.bias`) as tf.Tensor1D) as T;
}

/** 3x3 convolution over (H, W) of [B, F, H, W, C]. */
export function convSpatial(p: Parameters, name: string, x: tf.Tensor5D): tf.Tensor5D {
  const [b, f, h, w, c] = x.shape;
  const weight = get(p, `${name}.weight`);
  const [out, into] = weight.shape as [number, number];
  const y = nn.conv(x.reshape([b * f, h, w, c]), weight.reshape([out, into, 3, 3]), {
    bias: get(p, `${name}.bias`) as tf.Tensor1D,
    pad: "same",
  });
  return y.reshape([b, f, h, w, out]);
}

/** Convolution of size 3 over F of [B, F, H, W, C]. */
export function convTemporal(p: Parameters, name: string, x: tf.Tensor5D): tf.Tensor5D {
  const [b, f, h, w, c] = x.shape;
  const weight = get(p, `${name}.weight`);
  const [out, into] = weight.shape as [number, number];
  const y = nn.conv(x.reshape([b, f, h * w, c]), weight.reshape([out, into, 3, 1]), {
    bias: get(p, `${name}.bias`) as tf.Tensor1D,
    pad: "same",
  });
  return y.reshape([b, f, h, w, out]);
}

/** Convolution of size 3 over T of [B, T, C]. */
export function convAudio(p: Parameters, name: string, x: tf.Tensor3D): tf.Tensor3D {
  return nn.conv(x, get(p, `${name}.weight`), {
    bias: get(p, `${name}.bias`) as tf.Tensor1D,
    pad: "same",
  }) as tf.Tensor3D;
}

/** Mean over 2x2 of (H, W) of [B, F, H, W, C]. */
export function poolVideo(x: tf.Tensor5D): tf.Tensor5D {
  const [b, f, h, w, c] = x.shape;
  return tf.mean(x.reshape([b * f * (h / 2), 2, w / 2, 2, c]), [1, 3]).reshape([b, f, h / 2, w / 2, c]);
}

/** Mean over pairs of T of [B, T, C]. */
export function poolAudio(x: tf.Tensor3D): tf.Tensor3D {
  const [b, t, c] = x.shape;
  return tf.mean(x.reshape([b, t / 2, 2, c]), 2);
}

/** Nearest-neighbour doubling of (H, W) of [B, F, H, W, C]. */
export function doubleVideo(x: tf.Tensor5D): tf.Tensor5D {
  const [b, f, h, w, c] = x.shape;
  const wide = twice(x.reshape([b * f * h * w, 1, c])).reshape([b * f * h, 1, 2 * w * c]);
  return twice(wide as tf.Tensor3D).reshape([b, f, 2 * h, 2 * w, c]);
}

/** Nearest-neighbour doubling of T of [B, T, C]. */
export function doubleAudio(x: tf.Tensor3D): tf.Tensor3D {
  const [b, t, c] = x.shape;
  return twice(x.reshape([b * t, 1, c])).reshape([b, 2 * t, c]);
}

const twice = (x: tf.Tensor): tf.Tensor => tf.concat([x, x], 1);

/** Nearest-neighbour resampling of [B, L, C] to `length` along L. */
function resampleTime(x: tf.Tensor3D, length: number): tf.Tensor3D {
  return x.shape[1] === length ? x : nn.nearest(x, 1, length);
}

/**
 * Easy fusion (Eq. 6), each modality projected with the other one: P_v [v ; rep(a)] and P_a [a ; mean(v)].
 * The projections are split by input, so that the other modality is projected at its own length and then repeated.
 */
export function fuse(p: Parameters, name: string, { video, audio }: Hidden): Hidden {
  const [b, f, , , c] = video.shape;
  const halves = (which: string) => {
    const weight = get(p, `${name}.${which}.weight`).reshape([c, 2 * c]);
    return tf.split(weight, 2, 1) as [tf.Tensor2D, tf.Tensor2D];
  };
  const [vv, va] = halves("pv");
  const [aa, av] = halves("pa");
  const fromAudio = resampleTime(nn.linear(audio, va), f);
  const fromVideo = resampleTime(nn.linear(tf.mean(video, [2, 3]) as tf.Tensor3D, av), audio.shape[1]);
  return {
    video: tf.add(
      nn.linear(video, vv, get(p, `${name}.pv.bias`) as tf.Tensor1D),
      fromAudio.reshape([b, f, 1, 1, c]),
    ) as tf.Tensor5D,
    audio: tf.add(nn.linear(audio, aa, get(p, `${name}.pa.bias`) as tf.Tensor1D), fromVideo),
  };
}

/** Self-attention with a residual over the sequences x [N, L, C]. */
export function attend(p: Parameters, name: string, x: tf.Tensor3D, groups: number, headDim: number): tf.Tensor3D {
  const [n, length, c] = x.shape;
  const heads = c / headDim;
  const qkv = pointwise(p, `${name}.qkv`, norm(p, `${name}.norm`, x, groups));
  const split = qkv.reshape([n, length, 3 * heads, headDim]).transpose([0, 2, 1, 3]);
  const [q, k, v] = tf.split(split, 3, 1) as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
  const y = nn.attention(q, k, v, { scale: headDim ** -0.5 });
  return tf.add(x, pointwise(p, `${name}.out`, y.transpose([0, 2, 1, 3]).reshape([n, length, c]) as tf.Tensor3D));
}
