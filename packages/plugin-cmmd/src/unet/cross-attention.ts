import { nn, tf } from "@cmmd/jit";
import { type Hidden, norm, type Parameters, pointwise } from "./layers.js";
import type { UnetOptions } from "./options.js";

/** Sides of the grid that a picture is averaged to before the sound attends to it, at most. */
const gridSide = 4;

/** The largest divisor of `size` up to `gridSide`. */
const divisor = (size: number) => [4, 3, 2, 1].find((side) => side <= gridSide && size % side === 0)!;

/** x [B, F, K, C] with the tokens of the frame before and after each frame's own: [B, F, 3K, C]. The first and the last frame see themselves twice. */
function withNeighbours(x: tf.Tensor4D): tf.Tensor4D {
  const [b, f, k, c] = x.shape;
  const before = tf.concat([x.slice([0, 0, 0, 0], [b, 1, k, c]), x.slice([0, 0, 0, 0], [b, f - 1, k, c])], 1);
  const after = tf.concat([x.slice([0, 1, 0, 0], [b, f - 1, k, c]), x.slice([0, f - 1, 0, 0], [b, 1, k, c])], 1);
  return tf.concat([before, x, after], 2);
}

/**
 * Encoding [3 times `slots`, size] of when a token is, in frames from the middle of the frame that attends, t = (j + 1/2) / slots - 3/2:
 * cos(pi k t / 4), then sin(pi k t / 4), for k = 1 to size / 2.
 */
function relativeTime(slots: number, size: number): tf.Tensor2D {
  const t = tf.sub(tf.div(tf.add(tf.range(0, 3 * slots), 0.5), slots), 1.5);
  const k = tf.mul(tf.range(1, size / 2 + 1), Math.PI / 4);
  const angles = tf.mul(t.expandDims(1), k.expandDims(0));
  return tf.concat([tf.cos(angles), tf.sin(angles)], 1) as tf.Tensor2D;
}

/**
 * What queries x [N, L, C] get from tokens y [N, K, C], K = 3 slots * tokens, in the order of their time: multi-head attention whose keys carry the
 * time of their token, [N, L, C].
 */
function attendTo(
  p: Parameters,
  name: string,
  x: tf.Tensor3D,
  y: tf.Tensor3D,
  slots: number,
  headDim: number,
): tf.Tensor3D {
  const [n, length, c] = x.shape;
  const count = y.shape[1];
  const heads = c / headDim;
  const split = (z: tf.Tensor, tokens: number) =>
    z.reshape([n, tokens, heads, headDim]).transpose([0, 2, 1, 3]) as tf.Tensor4D;
  const [keys, values] = tf.split(pointwise(p, `${name}.kv`, y), 2, 2) as [tf.Tensor3D, tf.Tensor3D];
  const perSlot = count / (3 * slots);
  const time = nn.nearest(
    relativeTime(slots, headDim).reshape([1, 3 * slots, headDim]) as tf.Tensor3D,
    1,
    3 * slots * perSlot,
  );
  const timed = tf.add(split(keys, count), time.reshape([1, 1, count, headDim])) as tf.Tensor4D;
  const q = split(pointwise(p, `${name}.q`, x), length);
  const out = nn.attention(q, timed, split(values, count), { scale: headDim ** -0.5 });
  return pointwise(p, `${name}.out`, out.transpose([0, 2, 1, 3]).reshape([n, length, c]) as tf.Tensor3D);
}

/**
 * Fusion by attention, both ways from the unfused and normalised modalities, each added to its own:
 *
 * - The pixels of a frame attend to the sound around it: R = ceil(T / F) audio steps of the frame itself (step floor(i T / (F R)) for
 *   i = f R to f R + R - 1), and as many of the frame before and of the one after.
 * - An audio step t attends to the pictures around it: frame floor(t F / T), the one before and the one after, each averaged to a grid
 *   of at most 4 x 4.
 *
 * So the cost is linear in the length of the clip and in the number of pixels, and, unlike in attention over the whole clip, what is to be in time is
 * compared at the same time. Keys are told apart in time by `relativeTime`. The last projections begin at zero: the untrained network is the
 * one without fusion.
 */
export function fuseByAttention(
  p: Parameters,
  name: string,
  { video, audio }: Hidden,
  { groups, head_dim: headDim }: UnetOptions,
): Hidden {
  const [b, f, h, w, c] = video.shape;
  const t = audio.shape[1];
  const pictures = norm(p, `${name}.xv.norm`, video, groups);
  const sound = norm(p, `${name}.xa.norm`, audio, groups);

  const perFrame = Math.ceil(t / f);
  const heard = nn.nearest(sound, 1, f * perFrame).reshape([b, f, perFrame, c]) as tf.Tensor4D;
  const fromSound = attendTo(
    p,
    `${name}.xv`,
    pictures.reshape([b * f, h * w, c]),
    withNeighbours(heard).reshape([b * f, 3 * perFrame, c]),
    perFrame,
    headDim,
  );

  const [rows, columns] = [divisor(h), divisor(w)];
  const cells = rows * columns;
  const coarse = tf.mean(pictures.reshape([b * f * rows, h / rows, columns, w / columns, c]), [1, 3]);
  const around = withNeighbours(coarse.reshape([b, f, cells, c]));
  const seen = nn.nearest(around.reshape([b, f, 3 * cells * c]) as tf.Tensor3D, 1, t);
  const fromPictures = attendTo(
    p,
    `${name}.xa`,
    sound.reshape([b * t, 1, c]),
    seen.reshape([b * t, 3 * cells, c]),
    1,
    headDim,
  );
  return {
    video: tf.add(video, fromSound.reshape([b, f, h, w, c])) as tf.Tensor5D,
    audio: tf.add(audio, fromPictures.reshape([b, t, c])) as tf.Tensor3D,
  };
}
