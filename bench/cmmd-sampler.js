/**
 * cmmd's sampling loop for the benchmarks: the one that `generate` runs, opened for one clip of 18 frames and 112 mel frames whose video is known.
 * Built packages only.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stream } from "../packages/core/dist/diffusion/random.js";
import { openSampler } from "../packages/core/dist/sample/sampler.js";
import { reconstruction } from "../packages/plugin-cmmd/dist/guidance/reconstruction.js";
import { body as ddim } from "../packages/plugin-cmmd/dist/samplers/ddim.js";
import { body as ddpm } from "../packages/plugin-cmmd/dist/samplers/ddpm.js";
import { body as dpmSolver } from "../packages/plugin-cmmd/dist/samplers/dpm-solver.js";
import { body as heun } from "../packages/plugin-cmmd/dist/samplers/heun.js";
import { initialise } from "../packages/plugin-cmmd/dist/unet/network.js";

const seed = 7;
const samplers = { ddim, ddpm, "dpm-solver++": dpmSolver, heun };

/** Latents [F, H, W, C] and mel [T, M] of one clip. */
export const shapeOf = ({ videoChannels }, size) => ({
  video: [18, size, size, videoChannels],
  audio: [112, 80],
});

/** Unit noise by purpose, as the loop draws it for the first clip. */
export const noiseOf = (purpose, modality, shape) =>
  stream(seed, `sample ${modality} ${purpose}`, 0, 0).normal(shape[modality].reduce((a, b) => a * b, 1));

/**
 * Opens the loop with `apply` as the network. `sampler` is an entry such as { use: "ddim", steps: 200, eta: 0 }; `weight` that of the
 * reconstruction guidance.
 */
export async function openLoop({ apply, weights, shape, sampler: { use, ...options }, weight }) {
  const folder = mkdtempSync(join(tmpdir(), "cmmd-bench-sampler-"));
  const definition = { rate: 16000, hop: 256 };
  const rates = { video: 10, audio: 16000 };
  writeFileSync(join(folder, "features.json"), JSON.stringify({ definition, rates, mean: 0, std: 1 }));
  const bodies = { models: { apply, initialise }, samplers: samplers[use], guidances: reconstruction };
  const input = {
    pipeline: {
      seed,
      precision: "float32",
      engine: "onnx",
      diffusion: { schedule: "cosine", steps: 1000, predict: "v", scale: { video: 1, audio: 1 } },
      model: { use: "cmmd-unet", options: {} },
    },
    device: "cpu",
    programs: join(folder, "programs"),
    inputs: { prepare: folder },
    context: { signal: new AbortController().signal },
    component: async (kind) => bodies[kind],
  };
  const generation = {
    task: "v2a",
    batch: 1,
    sampler: { use, options },
    guidance: { use: "reconstruction", options: { weight, eps: "implied" } },
  };
  const loop = await openSampler(input, generation, weights, shape);
  const video = noiseOf("example", "video", shape);
  const clip = { video: () => video, audio: () => new Float32Array(112 * 80) };
  return {
    evaluations: loop.evaluations,
    /** The known video. */
    video,
    sample: () => loop.sample([{ clip, noiseIndex: 0 }], () => {}),
    async dispose() {
      await loop.dispose();
      rmSync(folder, { recursive: true });
    },
  };
}
