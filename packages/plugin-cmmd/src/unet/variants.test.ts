import { readFileSync } from "node:fs";
import { join } from "node:path";
import { jit, tf, valueAndGrad } from "@cmmd/jit";
import { expect, it } from "vitest";
import { formula, formulaInputs } from "../../test/formula.js";
import { type Probed, probedError } from "../../test/probes.js";
import { apply } from "./network.js";
import type { UnetOptions } from "./options.js";
import { parameters } from "./parameters.js";

/** Made by bench/reference/unet_variants.py, float64. */
interface Variant {
  readonly options: Omit<UnetOptions, "fusion"> & Partial<Pick<UnetOptions, "fusion">>;
  readonly shape: readonly [number, number, number, number];
  readonly video: Probed;
  readonly audio: Probed;
  readonly gradients: Readonly<Record<string, Probed>>;
}
const path = join(import.meta.dirname, "fixtures/variants.json");
const variants = JSON.parse(readFileSync(path, "utf8")) as Readonly<Record<string, Variant>>;

type Inputs = Record<"video" | "audio" | "n", tf.Tensor>;

it.each(Object.entries(variants))("agrees with PyTorch: %s", async (_, reference) => {
  const options: UnetOptions = { fusion: "easy", ...reference.options };
  const [, f, h, t] = reference.shape;
  const specs = parameters(options, { video: [f, h, h, 4], audio: [t, 80] });
  const weights = Object.fromEntries(
    specs.map(({ name, shape }, i) => [name, { shape, data: formula(i, name, shape) }]),
  );
  const network = (p: Record<string, tf.Tensor>, x: Inputs) =>
    apply(p, { video: x.video as tf.Tensor5D, audio: x.audio as tf.Tensor3D, n: x.n as tf.Tensor1D }, options);
  const wanted = Object.keys(reference.gradients);
  const program = jit((p: Record<string, tf.Tensor>, x: Inputs) => {
    const none: Record<string, tf.Tensor> = {};
    if (wanted.length === 0) return { output: network(p, x), grads: none };
    const { aux, grads } = valueAndGrad((q: Record<string, tf.Tensor>) => {
      const { video, audio } = network(q, x);
      return { value: tf.add(video.square().sum(), audio.square().sum()), aux: { video, audio } };
    }, p);
    return { output: aux, grads };
  });
  const { output, grads } = await program(weights, formulaInputs(reference.shape, 4, 80));
  for (const [modality, index] of [
    ["video", -1],
    ["audio", -2],
  ] as const) {
    const values = (await output[modality].read()).data as Float32Array;
    expect(probedError(values, index, reference[modality]) / reference[modality][0], modality).toBeLessThan(1e-5);
  }
  if (wanted.length > 0) expect(specs.map(({ name }) => name)).toEqual(wanted);
  const worst = { name: "", error: 0 };
  for (const [index, name] of wanted.entries()) {
    const got = (await grads[name]!.read()).data as Float32Array;
    const expected = reference.gradients[name]!;
    // What cancels has the gradient 0 but for rounding, on the scale of its layer's weight's.
    const cancels = expected[0] < 1e-9 && name.endsWith(".bias");
    const scale = cancels ? reference.gradients[name.replace(/bias$/, "weight")]![0] : expected[0];
    const error = probedError(got, index, expected) / scale;
    if (!(error <= worst.error)) Object.assign(worst, { name, error });
  }
  expect(worst.error, worst.name).toBeLessThan(1e-4);
  await program.dispose();
});
