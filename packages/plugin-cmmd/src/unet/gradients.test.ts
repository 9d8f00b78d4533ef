import { readFileSync } from "node:fs";
import { join } from "node:path";
import { jit, tf, valueAndGrad } from "@cmmd/jit";
import { expect, it } from "vitest";
import { formula, formulaInputs, hashed, product } from "../../test/formula.js";
import { apply } from "./network.js";
import type { UnetOptions } from "./options.js";
import { parameters } from "./parameters.js";

/** Made by bench/reference/unet_gradients.py: for every parameter the gradient's norm and its products with three probes, float64. */
interface Reference {
  readonly options: Omit<UnetOptions, "fusion">;
  readonly shape: readonly [number, number, number, number];
  readonly gradients: Readonly<Record<string, readonly number[]>>;
}

it.each([false, true])(
  "every parameter's gradient agrees with PyTorch's in float64 to 1e-4 in norm and direction, checkpoint: %s",
  async (checkpoint) => {
    const path = join(import.meta.dirname, "fixtures/gradients.json");
    const reference = JSON.parse(readFileSync(path, "utf8")) as Reference;
    const options: UnetOptions = { ...reference.options, fusion: "easy", checkpoint };
    const [, f, h, t] = reference.shape;
    const specs = parameters(options, { video: [f, h, h, 4], audio: [t, 80] });
    expect(specs.map(({ name }) => name)).toEqual(Object.keys(reference.gradients));
    const weights = Object.fromEntries(
      specs.map(({ name, shape }, i) => [name, { shape, data: formula(i, name, shape) }]),
    );
    const program = jit(
      (p: Record<string, tf.Tensor>, x: Record<"video" | "audio" | "n", tf.Tensor>) =>
        valueAndGrad((q: Record<string, tf.Tensor>) => {
          const inputs = { video: x.video as tf.Tensor5D, audio: x.audio as tf.Tensor3D, n: x.n as tf.Tensor1D };
          const { video, audio } = apply(q, inputs, options);
          return { value: tf.add(video.square().sum(), audio.square().sum()) };
        }, p).grads,
    );
    const gradients = await program(weights, formulaInputs(reference.shape, 4, 80));

    const errors = await Promise.all(
      specs.map(async ({ name, shape }, index) => {
        const got = (await gradients[name]!.read()).data as Float32Array;
        const [norm, ...products] = reference.gradients[name]! as [number, ...number[]];
        // A bias before a group norm of one channel per group cancels: its gradient is 0 but for rounding, on the scale of its weight's.
        const cancels = norm < 1e-9 && name.endsWith(".bias");
        const scale = cancels ? reference.gradients[name.replace(/bias$/, "weight")]![0]! : norm;
        const squares = products.map((expected, k) => {
          const probe = hashed(1000 * (k + 1) + index, product(shape));
          return (got.reduce((sum, value, i) => sum + value * probe[i]!, 0) - expected) ** 2;
        });
        // Independent values in [-1, 1) have the mean square 1/3, so this estimates the norm of the gradient's error.
        const error = Math.sqrt((3 * squares.reduce((a, b) => a + b)) / squares.length);
        const size = Math.abs(Math.sqrt(got.reduce((sum, value) => sum + value * value, 0)) - norm);
        return { name, error: Math.max(error, size) / scale };
      }),
    );
    const worst = errors.reduce((a, b) => (b.error <= a.error ? a : b));
    expect(worst.error, worst.name).toBeLessThan(1e-4);
    await program.dispose();
  },
);
