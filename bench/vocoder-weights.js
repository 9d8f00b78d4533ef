/**
 * The averaged weights of a trained vocoder as they come with cmmd: weight normalisation folded, half precision, and the definition of the features.
 *
 *   node bench/vocoder-weights.js TRAINED [packages/plugin-melgan/weights]
 *
 * TRAINED is a training of pipelines/melgan_default.yaml in the store, or one of its checkpoints. Prints the size and the largest relative change
 * of a weight by rounding. Needs `npm run build`.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readSafetensors } from "../packages/core/dist/index.js";
import { foldWeightNorm } from "../packages/plugin-melgan/dist/weight-norm.js";

const [trained, target = join(import.meta.dirname, "../packages/plugin-melgan/weights")] = process.argv.slice(2);
if (!trained) throw new Error("name the folder of a training");

const bits = new DataView(new ArrayBuffer(4));
/** The nearest number of half precision, ties to even, as its bits. */
function half(value) {
  bits.setFloat32(0, value);
  const word = bits.getUint32(0);
  const sign = (word >>> 16) & 0x8000;
  const size = Math.abs(value);
  if (!(size < 65520)) throw new Error(`${value} is beyond half precision`);
  const even = (x) => {
    const down = Math.floor(x);
    return x - down > 0.5 || (x - down === 0.5 && down % 2 === 1) ? down + 1 : down;
  };
  if (size < 2 ** -14) return sign | even(size * 2 ** 24);
  const exponent = ((word >>> 23) & 0xff) - 127;
  // A fraction that rounds up to 1024 carries into the exponent.
  return sign | (((exponent + 15) << 10) + even((size / 2 ** exponent - 1) * 1024));
}

const { tensors } = await readSafetensors(join(trained, "ema.safetensors"));
const header = { __metadata__: { format: "pt" } };
const parts = [];
let offset = 0;
for (const [name, { shape, data }] of Object.entries(foldWeightNorm(tensors))) {
  const part = Uint16Array.from(data, half);
  header[name] = { dtype: "F16", shape, data_offsets: [offset, offset + part.byteLength] };
  parts.push(new Uint8Array(part.buffer));
  offset += part.byteLength;
}
const json = JSON.stringify(header);
const padded = json.padEnd(Math.ceil(json.length / 8) * 8);
const length = Buffer.alloc(8);
length.writeBigUInt64LE(BigInt(padded.length));

mkdirSync(target, { recursive: true });
const path = join(target, "model.safetensors");
writeFileSync(path, Buffer.concat([length, Buffer.from(padded), ...parts]));
const { vocoder, features, name } = JSON.parse(readFileSync(join(trained, "config.json"), "utf8"));
writeFileSync(join(target, "config.json"), `${JSON.stringify({ name, vocoder, features }, undefined, 2)}\n`);

const { tensors: written } = await readSafetensors(path);
const folded = foldWeightNorm(tensors);
let change = 0;
for (const [name, { data }] of Object.entries(folded)) {
  const largest = data.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  data.forEach((x, i) => {
    change = Math.max(change, Math.abs(x - written[name].data[i]) / largest);
  });
}
console.log(
  JSON.stringify({ path, bytes: offset + padded.length + 8, values: offset / 2, largest_relative_change: change }),
);
