import { tf } from "@cmmd/jit";
import type { NamedTensor } from "../plugin/tensors.js";

/** Lengths of a short-time Fourier transform in samples: of its window, between two of them, and of the transform (the window's when absent). */
export interface StftSizes {
  readonly window: number;
  readonly hop: number;
  readonly points?: number;
}

/** Squares below it count as it: the root's slope at zero is infinite, and silence is common. */
const leastPower = 1e-18;

/**
 * The discrete Fourier transform of a frame, times the periodic Hann window, as a matrix [window, 2 (points / 2 + 1)]: the real parts, then the
 * imaginary ones.
 */
export function fourierBasis({ window, points = window }: StftSizes): NamedTensor {
  const frequencies = points / 2 + 1;
  const data = new Float32Array(window * 2 * frequencies);
  for (let i = 0; i < window; i++) {
    const hann = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / window);
    for (let k = 0; k < frequencies; k++) {
      // Taken modulo the period first: the product grows beyond what a cosine resolves.
      const angle = (2 * Math.PI * ((i * k) % points)) / points;
      data[i * 2 * frequencies + k] = hann * Math.cos(angle);
      data[i * 2 * frequencies + frequencies + k] = -hann * Math.sin(angle);
    }
  }
  return { shape: [window, 2 * frequencies], data };
}

/** Traced: the frames [B, count, window] of x [B, samples], `hop` samples apart. */
function framed(x: tf.Tensor2D, window: number, hop: number): tf.Tensor3D {
  const [batch, samples] = x.shape;
  const count = Math.floor((samples - window) / hop) + 1;
  let block = hop;
  for (let rest = window % hop; rest !== 0; ) [block, rest] = [rest, block % rest];
  const perHop = hop / block;
  const parts = Array.from({ length: window / block }, (_, i) => {
    const end = i * block + count * hop;
    const tail = Math.max(0, end - samples);
    const padded = tail === 0 ? x : (x.pad([[0, 0], [0, tail]]) as tf.Tensor2D); // biome-ignore format: one line
    const own = padded.slice([0, i * block], [batch, count * hop]);
    return perHop === 1
      ? own.reshape([batch, count, block])
      : own
          .reshape([batch, count, perHop, block])
          .slice([0, 0, 0, 0], [batch, count, 1, block])
          .reshape([batch, count, block]);
  });
  return parts.length === 1 ? (parts[0] as tf.Tensor3D) : (tf.concat(parts, 2) as tf.Tensor3D);
}

/**
 * Traced: magnitudes [B, frames, frequencies] of the short-time Fourier transform of sound [B, samples], (window - hop) / 2 samples mirrored at
 * each end and no centring, so that n samples give floor(n / hop) frames. `basis` is that of the same sizes.
 */
export function magnitudes(basis: tf.Tensor, waveform: tf.Tensor2D, { window, hop }: StftSizes): tf.Tensor3D {
  const pad = (window - hop) / 2;
  const mirrored = pad === 0 ? waveform : tf.mirrorPad(waveform, [[0, 0], [pad, pad]], "reflect"); // biome-ignore format: one line
  const frames = framed(mirrored, window, hop);
  const [batch, count] = frames.shape;
  const frequencies = basis.shape[1]! / 2;
  const spectrum = tf.matMul(frames.reshape([batch * count, window]), basis as tf.Tensor2D);
  const [real, imaginary] = tf.split(spectrum, 2, 1) as [tf.Tensor2D, tf.Tensor2D];
  const power = real.square().add(imaginary.square());
  return power.maximum(leastPower).sqrt().reshape([batch, count, frequencies]);
}
