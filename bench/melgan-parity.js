/**
 * MelGAN's networks at their full size (4,266,050 and 16,924,086 parameters) at float32 against PyTorch's at float64: the generator's sound with
 * weight normalisation and folded, all 21 outputs of the discriminators, and the gradients of both losses by every parameter.
 *
 *   python bench/reference/melgan.py --full --official CHECKOUT /tmp/melgan.safetensors && node bench/melgan-parity.js /tmp/melgan.safetensors
 *
 * Prints one JSON line per figure: largest differences of outputs, worst relative errors of gradients, norm(ours - reference) / norm(reference).
 * Built packages only. Ends with 1 above 1e-4 for outputs and 1e-3 for gradients.
 */
import { readSafetensors } from "../packages/core/dist/index.js";
import { jit, valueAndGrad } from "../packages/jit/dist/index.js";
import { discriminate } from "../packages/plugin-melgan/dist/discriminator.js";
import { generate } from "../packages/plugin-melgan/dist/generator.js";
import {
  adversarialLoss,
  discriminatorLoss,
  featureMatchingLoss,
} from "../packages/plugin-melgan/dist/training/losses.js";
import { foldWeightNorm } from "../packages/plugin-melgan/dist/weight-norm.js";

const { tensors, metadata } = await readSafetensors(process.argv[2]);
const [generator, discriminator] = ["generator", "discriminator"].map((name) => JSON.parse(metadata[name]));
const part = (prefix) =>
  Object.fromEntries(
    Object.entries(tensors).flatMap(([name, tensor]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : [],
    ),
  );
const [g, d] = [part("generator."), part("discriminator.")];
const { mel, real, generated } = tensors;

const largest = (a, b) => a.data.reduce((most, value, i) => Math.max(most, Math.abs(value - b.data[i])), 0);
const norm = (values) => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));
const relative = (a, b) => norm(a.data.map((value, i) => value - b.data[i])) / norm(b.data);

function report(figure, value, limit, facts = {}) {
  console.log(
    JSON.stringify({ bench: "melgan parity, float32 against PyTorch float64", figure, value, limit, ...facts }),
  );
  if (!(value < limit)) process.exitCode = 1;
}

const sound = (p, x) => generate(generator, p, x);
const judge = (p, x) => discriminate(discriminator, p, x);
for (const [name, parameters] of [
  ["weight normalisation", g],
  ["folded", foldWeightNorm(g)],
]) {
  // biome-ignore format: a table
  const program = jit(sound, { freeze: [0] });
  report(`generator, ${name}`, largest(await (await program(parameters, mel)).read(), generated), 1e-4);
  await program.dispose();
}

const judged = jit(judge);
const differences = [];
for (const [kind, input] of [["real", real], ["fake", generated]]) // biome-ignore format: a table
  for (const [scale, outputs] of (await judged(d, input)).entries())
    for (const [i, output] of outputs.entries())
      differences.push(largest(await output.read(), tensors[`${kind}.${scale}.${i}`]));
await judged.dispose();
report("discriminators", Math.max(...differences), 1e-4, { outputs: differences.length / 2 });

const losses = {
  discriminator: jit(
    (d, fake, real) => valueAndGrad((d) => ({ value: discriminatorLoss(judge(d, real), judge(d, fake)) }), d).grads,
  ),
  generator: jit(
    (g, d, mel, real) =>
      valueAndGrad((g) => {
        const [made, wanted] = [judge(d, sound(g, mel)), judge(d, real)];
        return { value: adversarialLoss(made).add(featureMatchingLoss(wanted, made).mul(2)) };
      }, g).grads,
  ),
};
const gradients = {
  discriminator: await losses.discriminator(d, generated, real),
  generator: await losses.generator(g, d, tensors["point.mel"], tensors["point.real"]),
};
for (const [which, grads] of Object.entries(gradients)) {
  const errors = [];
  for (const [name, gradient] of Object.entries(grads))
    errors.push([relative(await gradient.read(), tensors[`gradient.${which}.${name}`]), name]);
  errors.sort(([a], [b]) => b - a);
  report(`gradients of the ${which}'s loss`, errors[0][0], 1e-3, { worst: errors[0][1], parameters: errors.length });
  await losses[which].dispose();
}
