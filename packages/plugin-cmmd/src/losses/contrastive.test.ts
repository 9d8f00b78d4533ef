import { type Clip, type Network, parametrisations, stream } from "@cmmd/core";
import { tf } from "@cmmd/jit";
import { beforeAll, describe, expect, it } from "vitest";
import { body } from "./contrastive.js";

const shape = { video: [3, 1, 1, 2] as const, audio: [4, 2] as const };
const sizes = { video: 6, audio: 8 };
const alphaBars = [0.9, 0.3, 0.05];
const eta = 0.01;
const negatives = { audio: [{ use: "any" }], video: [{ use: "any" }] };

const clip = (index: number): Clip => ({
  id: String(index),
  split: "train",
  events: [],
  recording: "a",
  context: { video: { before: 0, after: 0 }, audio: { before: 0, after: 0 } },
  rates: { video: 3, audio: 4 },
  steps: { video: 3, audio: 4 },
  shape,
  video: () => stream(1, "video", index).normal(sizes.video),
  audio: () => stream(1, "audio", index).normal(sizes.audio),
});

/** A network that mixes the modalities, so that a loss of one depends on the other. */
const network: Network = (video, audio) => {
  const other = tf.mean(audio, [1, 2], true).reshape([-1, 1, 1, 1, 1]);
  return {
    video: tf.add(tf.mul(video, 0.5), other) as tf.Tensor5D,
    audio: tf.add(tf.mul(audio, -0.3), tf.mean(video, [1, 2, 3, 4]).reshape([-1, 1, 1])) as tf.Tensor3D,
  };
};

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** The joint v-prediction loss (Eq. 4) of one pair in plain arithmetic. */
function pairLoss(v0: Float32Array, a0: Float32Array, ev: Float32Array, ea: Float32Array, alphaBar: number): number {
  const [s, r] = [Math.sqrt(alphaBar), Math.sqrt(1 - alphaBar)];
  const vn = [...v0].map((x, i) => s * x + r * ev[i]!);
  const an = [...a0].map((x, i) => s * x + r * ea[i]!);
  const video = vn.map((x, i) => 0.5 * x + mean(an) - (s * ev[i]! - r * v0[i]!));
  const audio = an.map((x, i) => -0.3 * x + mean(vn) - (s * ea[i]! - r * a0[i]!));
  return mean(video.map((x) => x * x)) + mean(audio.map((x) => x * x));
}

describe("the joint contrastive loss", () => {
  beforeAll(async () => {
    await tf.setBackend("cpu");
  });

  it.each([1, 2, 5])("is -eta (L(v, a-) + L(v-, a)) of the first %i clips of the batch", (batch) => {
    const clips = [0, 1, 2].map(clip);
    const options = { eta, batch, negatives, weights: { video: 1, audio: 1 }, weighting: "none", runaway: 25 } as const;
    const wrong = (index: number, modality: "video" | "audio") => stream(2, modality, index).normal(sizes[modality]);
    const drawn = body.draw!(
      options,
      { clips, pool: clips, step: 7, shape },
      {
        random: (purpose, ...at) => stream(3, purpose, ...at),
        negative: (_entries, { id }, modality) => wrong(Number(id), modality),
      },
    );
    const noise = (modality: "video" | "audio", i: number) => stream(4, modality, i).normal(sizes[modality]);
    const rows = (each: (i: number) => Float32Array, size: readonly number[]) =>
      tf.stack([0, 1, 2].map((i) => tf.tensor(each(i), [...size])));
    const { loss, log } = body.value(
      options,
      {
        video: rows((i) => clips[i]!.video(0), shape.video) as tf.Tensor5D,
        audio: rows((i) => clips[i]!.audio(0), shape.audio) as tf.Tensor3D,
        noise: {
          video: rows((i) => noise("video", i), shape.video),
          audio: rows((i) => noise("audio", i), shape.audio),
        },
        n: tf.tensor1d([1, 2, 3]),
        alphaBar: tf.tensor1d(alphaBars),
      },
      Object.fromEntries(
        Object.entries(drawn).map(([name, { shape: size, data }]) => [
          name,
          tf.tensor(data as Float32Array, [...size]),
        ]),
      ),
      network,
      parametrisations.v,
    );
    const count = Math.min(batch, clips.length);
    const of = (name: string, i: number, size: number) =>
      (drawn[name]!.data as Float32Array).slice(i * size, (i + 1) * size);
    const each = Array.from({ length: count }, (_, i) => {
      const [v, a] = [clips[i]!.video(0), clips[i]!.audio(0)];
      return (
        pairLoss(v, wrong(i, "audio"), noise("video", i), of("audio noise", i, sizes.audio), alphaBars[i]!) +
        pairLoss(wrong(i, "video"), a, of("video noise", i, sizes.video), noise("audio", i), alphaBars[i]!)
      );
    });
    expect(log.negative!.dataSync()[0]).toBeCloseTo(mean(each), 5);
    expect(loss.dataSync()[0]).toBeCloseTo(-eta * mean(each), 6);
  });
});
