/** cmmd's side of bench/sampling-speed.js: the requests and replies of reference/sampling_worker.py, in a process of its own. */
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { apply } from "../packages/plugin-cmmd/dist/unet/network.js";
import { noiseOf, openLoop, shapeOf } from "./cmmd-sampler.js";
import { formulaWeights, optionsOf } from "./cmmd-unet.js";

const seconds = (from) => (performance.now() - from) / 1000;
const bytesOf = ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength);
let loop;
let last;

const requests = {
  /** Writes what the loop begins with, float32 channels-last: the known video, its noise, and both modalities' first x. */
  async prepare({ network, size, steps, weight, path }) {
    const shape = shapeOf(network, size);
    const options = optionsOf(network);
    loop = await openLoop({
      apply: (parameters, inputs) => apply(parameters, inputs, options),
      weights: formulaWeights(network),
      shape,
      sampler: { use: "ddim", steps, eta: 0 },
      weight,
    });
    const start = [
      loop.video,
      noiseOf("condition", "video", shape),
      noiseOf("start", "video", shape),
      noiseOf("start", "audio", shape),
    ];
    writeFileSync(path, Buffer.concat(start.map(bytesOf)));
    return {};
  },
  async run() {
    const start = performance.now();
    last = await loop.sample();
    return { seconds: seconds(start) };
  },
  async output({ path }) {
    writeFileSync(path, bytesOf(last.audio));
    return {};
  },
  async end() {
    await loop.dispose();
    return {};
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { do: what, ...request } = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(await requests[what](request))}\n`);
}
