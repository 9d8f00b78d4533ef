/**
 * What sampling costs beside the network: schedule arithmetic, sums over the latents, fresh noise, copies, checks, starting the program. Every
 * sampler makes one clip at the paper's size (18 frames of 16x16 latents, 112 mel frames) by the loop that `generate` runs, with a network of
 * one multiplication, against one guided evaluation of the real one.
 *
 *   node bench/sampler-overhead.js [--evaluation 0.45] [--repeats 5]
 *
 * Needs `npm run build`. --evaluation is the seconds of one guided evaluation, which bench/sampling-speed.js prints. Prints one JSON line per
 * sampler: milliseconds of one evaluation and all around it (the median of the repeats), and their share of the time. Ends with 1 when a share
 * is above 2 %.
 */
import { parseArgs } from "node:util";
import { tf } from "../packages/jit/dist/index.js";
import { openLoop, shapeOf } from "./cmmd-sampler.js";
import { networks } from "./cmmd-unet.js";

const { values: flags } = parseArgs({
  options: { evaluation: { type: "string", default: "0.45" }, repeats: { type: "string", default: "5" } },
});
const evaluation = Number(flags.evaluation);
const largestShare = 0.02;
const dpm = { use: "dpm-solver++", steps: 20, order: 2, final_first_order: 1 };
const samplers = {
  ddim: { use: "ddim", steps: 200, eta: 0 },
  "ddim, eta 1": { use: "ddim", steps: 200, eta: 1 },
  ddpm: { use: "ddpm", steps: 200, variance: "small" },
  "dpm-solver++": { ...dpm, spacing: "uniform" },
  "dpm-solver++, log-snr": { ...dpm, spacing: "log-snr" },
  heun: { use: "heun", steps: 18, rho: 7, sigma_min: 0.002, sigma_max: 80 },
};

const shape = shapeOf(networks.paper, 16);
const weights = { gain: { shape: [], data: Float32Array.of(0.1) } };
/** Each modality's output depends on both, as guidance wants. */
const apply = ({ gain }, { video, audio }) => ({
  video: tf.mul(tf.add(video, tf.mean(audio)), gain),
  audio: tf.mul(audio, gain),
});
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

for (const [name, sampler] of Object.entries(samplers)) {
  const loop = await openLoop({ apply, weights, shape, sampler, weight: 0.01 });
  const times = [];
  for (let i = -1; i < Number(flags.repeats); i++) {
    const start = performance.now();
    await loop.sample();
    if (i >= 0) times.push((performance.now() - start) / 1000 / loop.evaluations);
  }
  await loop.dispose();
  const between = median(times);
  const share = between / (evaluation + between);
  console.log(
    JSON.stringify({
      bench: `between steps, ${name}`,
      ms: Number((1000 * between).toPrecision(3)),
      share: Number(share.toPrecision(3)),
    }),
  );
  if (share > largestShare) {
    console.error(`${name}: ${(100 * share).toFixed(1)} % of the time passes between evaluations, more than 2 %`);
    process.exitCode = 1;
  }
}
