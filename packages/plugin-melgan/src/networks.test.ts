import { join } from "node:path";
import { type NamedTensor, type NamedTensors, readSafetensors, stream } from "@cmmd/core";
import { type HostTensor, jit, type tf, valueAndGrad } from "@cmmd/jit";
import { expect, it } from "vitest";
import { type DiscriminatorOptions, discriminate, discriminatorParameters } from "./discriminator.js";
import { generate, generatorParameters } from "./generator.js";
import type { GeneratorOptions } from "./sizes.js";
import { adversarialLoss, discriminatorLoss, featureMatchingLoss } from "./training/losses.js";
import { foldWeightNorm, initialise } from "./weight-norm.js";

const { tensors, metadata } = await readSafetensors(join(import.meta.dirname, "fixtures/networks.safetensors"));
const generator = JSON.parse(metadata.generator!) as GeneratorOptions;
const discriminator = JSON.parse(metadata.discriminator!) as DiscriminatorOptions;
const part = (prefix: string): NamedTensors =>
  Object.fromEntries(
    Object.entries(tensors).flatMap(([name, tensor]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : [],
    ),
  );
const [g, d] = [part("generator."), part("discriminator.")];
const [mel, real, generated] = [tensors.mel!, tensors.real!, tensors.generated!];

const difference = (a: HostTensor | NamedTensor, b: HostTensor | NamedTensor) => {
  expect(a.shape).toEqual(b.shape);
  return (a.data as Float32Array).reduce((most, value, i) => Math.max(most, Math.abs(value - b.data[i]!)), 0);
};
const norm = (values: ArrayLike<number>) => Math.sqrt(Array.from(values).reduce((sum, x) => sum + x * x, 0));
const relative = (a: HostTensor, b: NamedTensor) => {
  expect(a.shape).toEqual(b.shape);
  return norm((a.data as Float32Array).map((value, i) => value - b.data[i]!)) / norm(b.data as Float32Array);
};

const sound = (parameters: Record<string, tf.Tensor>, x: tf.Tensor) =>
  generate(generator, parameters, x as tf.Tensor3D);
const judge = (parameters: Record<string, tf.Tensor>, x: tf.Tensor) =>
  discriminate(discriminator, parameters, x as tf.Tensor2D);

it("has the parameters of the official code", () => {
  const shapes = (tensors: NamedTensors) => Object.entries(tensors).map(([name, { shape }]) => [name, shape]);
  const own = (parameters: object) => Object.entries(parameters).map(([name, { shape }]) => [name, shape]);
  expect(own(generatorParameters(generator)).sort()).toEqual(shapes(g).sort());
  expect(own(discriminatorParameters(discriminator)).sort()).toEqual(shapes(d).sort());
  const count = (parameters: ReturnType<typeof generatorParameters>) =>
    Object.values(parameters).reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  expect(count(generatorParameters({ bins: 80, ngf: 32, ratios: [8, 8, 2, 2], residual_layers: 3 }))).toBe(4_266_050);
  expect(count(discriminatorParameters({ scales: 3, ndf: 16, layers: 4, factor: 4 }))).toBe(16_924_086);
});

it("computes what PyTorch computes, with weight normalisation and folded", async () => {
  for (const parameters of [g, foldWeightNorm(g)]) {
    const program = jit(sound, { freeze: [0] });
    expect(difference(await (await program(parameters, mel)).read(), generated)).toBeLessThan(2e-6);
    await program.dispose();
  }
  for (const [kind, input] of [
    ["real", real],
    ["fake", generated],
  ] as const) {
    // biome-ignore format: a table
    const program = jit(judge);
    const results = await program(d, input);
    for (const [scale, outputs] of results.entries())
      for (const [i, output] of outputs.entries())
        expect(difference(await output.read(), tensors[`${kind}.${scale}.${i}`]!)).toBeLessThan(1e-5);
    await program.dispose();
  }
});

it("has PyTorch's gradients of both losses", async () => {
  const program = jit((g: Record<string, tf.Tensor>, d: Record<string, tf.Tensor>, mel: tf.Tensor, real: tf.Tensor) => {
    const fake = sound(g, mel);
    const ofD = valueAndGrad(
      (d: Record<string, tf.Tensor>) => ({ value: discriminatorLoss(judge(d, real), judge(d, fake)) }),
      d,
    );
    const ofG = valueAndGrad((g: Record<string, tf.Tensor>) => {
      const [made, wanted] = [judge(d, sound(g, mel)), judge(d, real)];
      return { value: adversarialLoss(made).add(featureMatchingLoss(wanted, made).mul(2)) as tf.Scalar };
    }, g);
    return { d: ofD, g: ofG };
  });
  const result = await program(g, d, mel, real);
  expect(difference(await result.d.value.read(), tensors.loss_discriminator!)).toBeLessThan(1e-5);
  expect(difference(await result.g.value.read(), tensors.loss_generator!)).toBeLessThan(1e-5);
  for (const [which, name] of [["d", "discriminator"], ["g", "generator"]] as const) // biome-ignore format: a table
    for (const [parameter, gradient] of Object.entries(result[which].grads))
      expect(relative(await gradient.read(), tensors[`gradient.${name}.${parameter}`]!)).toBeLessThan(1e-4);
  await program.dispose();
});

it("begins with PyTorch's default variance and the lengths of the directions", () => {
  const parameters = initialise(discriminatorParameters(discriminator), (name) => stream(7, name));
  const name = "model.disc_0.model.layer_3.0";
  const { shape, data } = parameters[`${name}.weight_v`]!;
  const fanIn = shape[1]! * shape[2]!;
  expect(norm(data as Float32Array) / Math.sqrt(data.length)).toBeCloseTo(1 / Math.sqrt(3 * fanIn), 2);
  expect(parameters[`${name}.weight_g`]!.data[0]).toBeCloseTo(norm((data as Float32Array).subarray(0, fanIn)), 6);
});
