import { readFileSync } from "node:fs";
import { join } from "node:path";
import { jit, tf, valueAndGrad } from "@cmmd/jit";
import { expect, it } from "vitest";
import { formula, formulaInputs } from "../../test/formula.js";
import { type Probed, probedError } from "../../test/probes.js";
import { apply } from "./network.js";
import type { UnetOptions } from "./options.js";
import { parameters } from "./parameters.js";

/** Made by bench/reference/unet_gradients.py: for every parameter the gradient's norm and its products with three probes, float64. */
interface Reference {
  readonly options: Omit<UnetOptions, "fusion">;
  readonly shape: readonly [number, number, number, number];
  readonly gradients: Readonly<Record<string, Probed>>;
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
      specs.map(async ({ name }, index) => {
        const got = (await gradients[name]!.read()).data as Float32Array;
        const expected = reference.gradients[name]!;
        // A bias before a group norm of one channel per group cancels: its gradient is 0 but for rounding, on the scale of its weight's.
        const cancels = expected[0] < 1e-9 && name.endsWith(".bias");
        const scale = cancels ? reference.gradients[name.replace(/bias$/, "weight")]![0] : expected[0];
        return { name, error: probedError(got, index, expected) / scale };
      }),
    );
    const worst = errors.reduce((a, b) => (b.error <= a.error ? a : b));
    expect(worst.error, worst.name).toBeLessThan(1e-4);
    await program.dispose();
  },
);
