/** cmmd's side of bench/melgan-speed.js, with the requests and replies of bench/reference/melgan_worker.py. */
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { readSafetensors } from "../packages/core/dist/index.js";
import { jit } from "../packages/jit/dist/index.js";
import { generate } from "../packages/plugin-melgan/dist/generator.js";
import { foldWeightNorm } from "../packages/plugin-melgan/dist/weight-norm.js";

let program;
let parameters;
let mel;
let sound;
const replies = {
  async prepare({ path, frames }) {
    const { tensors, metadata } = await readSafetensors(path);
    const options = JSON.parse(metadata.generator);
    const own = Object.entries(tensors).filter(([name]) => name.startsWith("generator."));
    parameters = foldWeightNorm(Object.fromEntries(own.map(([name, x]) => [name.slice("generator.".length), x])));
    const { shape, data } = tensors.mel;
    const values = Float32Array.from({ length: frames * shape[2] }, (_, i) => data[i % data.length]);
    mel = { shape: [1, frames, shape[2]], data: values };
    program = jit((p, x) => generate(options, p, x), { name: "melgan", freeze: [0] });
    await program.prepare(parameters, mel);
    return {};
  },
  async run() {
    const start = performance.now();
    const result = await program(parameters, mel);
    sound = (await result.read()).data;
    result.dispose();
    return { seconds: (performance.now() - start) / 1000 };
  },
  async output({ path }) {
    writeFileSync(path, sound);
    return {};
  },
};
for await (const line of createInterface({ input: process.stdin })) {
  const { do: what, ...request } = JSON.parse(line);
  console.log(JSON.stringify(await replies[what](request)));
}
await program?.dispose();
