/**
 * Memory of training and sampling as `cmmd inspect` estimates it, beside the peak of the resident set (VmHWM of /proc) of a process that does
 * it. One JSON line per case. Linux only; needs a build.
 *
 *     node bench/inspect-memory.js [--of training|sampling] [--batch 1,2,4] [--pipeline FILE] [KEY=VALUE...]
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { inspectPipeline, loadRegistry, parsePipeline, stream } from "@cmmd/core";

const self = fileURLToPath(import.meta.url);
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    batch: { type: "string", default: "1,2,4" },
    of: { type: "string", default: "training,sampling" },
    pipeline: { type: "string" },
    measure: { type: "string" },
    steps: { type: "string", default: "3" },
  },
});

/** The paper's network on 16x16 latents of 4 channels and 80 mel bins. */
const paper = `
cmmd: 1
data: { use: synthetic, scene: bench, clip: { frames: 18, every: 18 } }
prepare:
  video: [{ use: fps, rate: 10 }, { use: resize, size: 128 }]
  audio: [{ use: resample, rate: 16000 }, { use: mel, bins: 80, window: 512, hop: 256 }]
latents: { use: patch-pca, patch: 8, channels: 4 }
model: { use: cmmd-unet }
train: { steps: 3, batch: 2, losses: [{ use: diffusion }] }
generate: { task: v2a, sampler: { use: ddim, steps: 200 }, guidance: { use: reconstruction } }
`;

async function open(file, overrides) {
  const root = resolve(self, "../..");
  const builtin = await loadRegistry({
    builtins: ["@cmmd/plugin-media", "@cmmd/plugin-cmmd", "@cmmd/plugin-metrics"],
    plugins: [],
    base: join(root, "packages/cli"),
  });
  const { resolved, registry } = await parsePipeline(file, { overrides, env: process.env, registry: builtin });
  return { pipeline: { ...resolved, device: "cpu" }, registry };
}

/** Peak of this process's resident set so far, in bytes. */
const peak = () => 1024 * Number(/VmHWM:\s*(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]);

const size = (dims) => dims.reduce((a, b) => a * b);
const filled = (dims) => stream(1, "bench").normal(size(dims));

/** What a stage is given, without anything prepared. */
function inputOf({ pipeline, registry }, folder) {
  const context = {
    signal: new AbortController().signal,
    base: folder,
    folder,
    seed: 0,
    computing: { device: "cpu" },
    random: (purpose, ...counters) => stream(0, purpose, ...counters),
    progress: () => {},
    log: () => {},
    warn: () => {},
  };
  return {
    pipeline,
    device: "cpu",
    programs: join(folder, "programs"),
    inputs: { prepare: folder, encode: folder },
    context,
    component: (kind, name) => registry.implementation(kind, name),
    metric: () => {},
    artifact: () => {},
    saving: () => {},
  };
}

/** The pipeline's first generation, one batch in a few steps, with the weights of a file. */
async function measureSampling(opened, folder, { shape, rates, weights }) {
  const { readSafetensors } = await import("../packages/core/dist/data/safetensors.js");
  const { openSampler } = await import("../packages/core/dist/sample/sampler.js");
  const hop = 256;
  const definition = { rate: rates.audio * hop, hop, bins: shape.audio[1] };
  const statistics = { definition, rates: { video: rates.video, audio: definition.rate }, mean: 0, std: 1 };
  writeFileSync(join(folder, "features.json"), JSON.stringify(statistics));
  const [generation] = opened.pipeline.generate;
  const { tensors } = await readSafetensors(weights);
  const sampler = await openSampler(inputOf(opened, folder), generation, tensors, shape);
  const clip = { video: () => filled(shape.video), audio: () => filled(shape.audio) };
  await sampler.sample(
    Array.from({ length: generation.batch }, (_, noiseIndex) => ({ clip, noiseIndex })),
    () => {},
  );
  await sampler.dispose();
}

/** Untrained weights, as a file: the process that is measured reads them as those of a trained run. */
async function writeWeights({ pipeline, registry }, shape, path) {
  const { writeSafetensors } = await import("../packages/core/dist/data/safetensors.js");
  const model = await registry.implementation("models", pipeline.model.use);
  await writeSafetensors(
    path,
    model.initialise(pipeline.model.options, shape, (name) => stream(1, name)),
  );
}

async function measureTraining(opened, folder, { shape, rates }) {
  const { pipeline } = opened;
  const { train } = await import("../packages/core/dist/train/trainer.js");
  const { diffusionObjective } = await import("../packages/core/dist/train/diffusion-objective.js");
  const { drawDiffusion, scheduleOf } = await import("../packages/core/dist/train/drawing.js");
  const { clipOrder } = await import("../packages/core/dist/train/batches.js");
  const { lossesAt, openLosses } = await import("../packages/core/dist/train/losses.js");
  const { openNegatives } = await import("../packages/core/dist/negatives/mixture.js");
  const { context } = pipeline.data.clip;
  const around = (steps) => ({ before: steps, after: steps });
  const clip = (i) => ({
    id: `${i}`,
    recording: `${i}`,
    split: "train",
    events: [],
    context: { video: around(context), audio: around((context * rates.audio) / rates.video) },
    rates,
    steps: { video: shape.video[0], audio: shape.audio[0] },
    shape,
    video: () => filled(shape.video),
    audio: () => filled(shape.audio),
  });
  const input = inputOf(opened, folder);
  const statistics = { definition: {}, rates, mean: 0, std: 1 };
  writeFileSync(join(folder, "features.json"), JSON.stringify(statistics));
  const clips = Array.from({ length: 8 }, (_, i) => clip(i));
  const { seed } = pipeline;
  const [losses, negative] = await Promise.all([openLosses(input), openNegatives(input, clips)]);
  const drawing = {
    clips,
    shape,
    schedule: scheduleOf(pipeline),
    seed,
    order: clipOrder(seed, clips.length),
    negative,
  };
  const draw = async (step) => drawDiffusion(drawing, lossesAt(losses, step), step, pipeline.train.batch);
  const objective = await diffusionObjective(input, { facts: { clips: clips.length, shape }, draw });
  await train(input, objective, { origin: async () => undefined, incidental: [] });
}

if (values.measure) {
  const { file, overrides, sizes, of } = JSON.parse(values.measure);
  const folder = mkdtempSync(join(tmpdir(), "cmmd-memory-"));
  try {
    const opened = await open(file, overrides);
    await (of === "sampling" ? measureSampling : measureTraining)(opened, folder, sizes);
    console.log(peak());
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
} else {
  const folder = mkdtempSync(join(tmpdir(), "cmmd-memory-"));
  const file = values.pipeline ? resolve(values.pipeline) : join(folder, "paper.yaml");
  if (!values.pipeline) writeFileSync(file, paper);
  const weights = join(folder, "weights.safetensors");
  for (const of of values.of.split(","))
    for (const batch of values.batch.split(",").map(Number)) {
      const steps = of === "training" ? [`train.steps=${values.steps}`, `train.batch=${batch}`] : [];
      const sampler =
        of === "sampling" ? [`generate.0.sampler.steps=${values.steps}`, `generate.0.batch=${batch}`] : [];
      const overrides = [...positionals, ...steps, ...sampler];
      const opened = await open(file, overrides);
      const { pipeline, registry } = opened;
      const { shape, rates, training, generate } = await inspectPipeline(pipeline, registry, { batches: [batch] });
      if (of === "sampling" && !existsSync(weights)) await writeWeights(opened, shape, weights);
      const given = { file, overrides, of, sizes: { shape, rates, weights } };
      const child = spawnSync(process.execPath, [self, "--measure", JSON.stringify(given)], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "inherit"],
      });
      const measured = Number(child.stdout.trim());
      const estimate = (of === "training" ? training.at(-1) : generate[0]).byBatch.find((one) => one.batch === batch);
      console.log(JSON.stringify({ of, batch, estimate, measured, ratio: estimate.memory / measured }));
    }
  rmSync(folder, { recursive: true, force: true });
}
