import { gradOf, jit, type tf } from "@cmmd/jit";
import { expect, test } from "vitest";
import { testSignal } from "../../test/signal.js";
import { mel } from "./mel.js";
import { melTraced } from "./mel-traced.js";

const largest = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);

test.each([
  { bins: 80, window: 512, hop: 256, fmin: 0, fmax: 8000 },
  { bins: 64, window: 1024, hop: 160, fmin: 50, fmax: 7600 },
])("inside a program it is the same spectrogram: window $window, hop $hop", async (options) => {
  const definition = mel.definition(options, 16000);
  const sound = testSignal(8192);
  const program = jit((x: tf.Tensor, constants: Record<string, tf.Tensor>) =>
    melTraced.compute(definition, constants, x as tf.Tensor2D),
  );
  const result = await program({ shape: [1, sound.length], data: sound }, melTraced.constants(definition));
  const expected = mel.compute(definition, { rate: 16000, samples: sound });
  expect(result.shape).toEqual([1, expected.frames, expected.bins]);
  // Single precision: a quiet band beside a loud one is a small difference of large products.
  expect(largest((await result.read()).data, expected.data)).toBeLessThan(5e-4);
  await program.dispose();
});

test("its gradient is finite for silence and agrees with finite differences for sound", async () => {
  const definition = mel.definition({ bins: 20, window: 128, hop: 64, fmin: 0, fmax: 8000 }, 16000);
  const program = jit((x: tf.Tensor, constants: Record<string, tf.Tensor>) =>
    gradOf((y) => ({ value: melTraced.compute(definition, constants, y as tf.Tensor2D).sum() }), x),
  );
  const constants = melTraced.constants(definition);
  const gradientOf = async (data: Float32Array) => {
    const { grad } = await program({ shape: [1, data.length], data }, constants);
    return (await grad.read()).data;
  };
  expect((await gradientOf(new Float32Array(512))).every((value) => value === 0)).toBe(true);
  const sound = testSignal(512);
  const sum = (samples: Float32Array) =>
    mel.compute(definition, { rate: 16000, samples }).data.reduce((a, b) => a + b, 0);
  const gradient = await gradientOf(sound);
  for (const at of [70, 200, 333]) {
    const step = 1e-3;
    const moved = (by: number) => sum(sound.map((value, i) => (i === at ? value + by : value)));
    const difference = (moved(step) - moved(-step)) / (2 * step);
    expect(Math.abs(gradient[at]! - difference)).toBeLessThan(0.02 * Math.abs(difference) + 0.05);
  }
  await program.dispose();
});
