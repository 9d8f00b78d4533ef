/**
 * HiFi-GAN's generators of the official sizes against PyTorch, from an imported checkpoint to sound.
 *
 *   python bench/reference/hifi_gan.py --full FOLDER
 *   node bench/hifi-gan-parity.js FOLDER
 *
 * Prints for each configuration the numbers of parameters, weight normalisation included, and the largest difference of a sample. Ends with 1 when
 * one is above 1e-4. Needs `npm run build`.
 */
import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { importVocoder, readSafetensors } from "../packages/core/dist/index.js";
import { hifiGan } from "../packages/plugin-melgan/dist/hifi-gan/vocoder.js";

const [folder] = process.argv.slice(2);
if (!folder) throw new Error("name the folder that bench/reference/hifi_gan.py wrote");
const limit = 1e-4;
const builtins = ["@cmmd/plugin-melgan"].map((name) => import.meta.resolve(name));

for (const name of readdirSync(folder).toSorted()) {
  const voice = mkdtempSync(join(tmpdir(), "cmmd-hifi-gan-"));
  const checkpoint = join(folder, name, "generator.pt");
  const { numbers, definition } = await importVocoder(checkpoint, voice, {
    vocoder: "hifi-gan",
    features: [],
    builtins,
  });
  const { tensors } = await readSafetensors(join(folder, name, "expected.safetensors"));
  const [frames, bins] = tensors.mel.shape;
  const context = {
    computing: {},
    signal: new AbortController().signal,
    weights: async (source, file) => join(source, file),
  };
  const vocoder = await hifiGan.open(definition, { weights: voice }, context);
  const { samples } = await vocoder.synthesise({ frames, bins, data: tensors.mel.data.map((x) => x / Math.LN10) });
  await vocoder.dispose();
  const difference = samples.reduce((most, x, i) => Math.max(most, Math.abs(x - tensors.sound.data[i])), 0);
  console.log(JSON.stringify({ name, numbers, frames, difference, limit }));
  if (!(difference <= limit)) process.exitCode = 1;
}
