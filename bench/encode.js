/**
 * Pictures to latents as `cmmd run ... encode` makes them: frames per second, the part of the time in which the network computes, and the peak
 * of the process's memory. Stable Diffusion's autoencoder has its published widths and random weights, taef2 its own weights. One JSON line
 * for each. Linux only; needs a build.
 *
 *     node bench/encode.js [--clips 8] [--size 128] [--only sd-vae|taef2] [--keep all|latents]
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { writeSafetensors } from "../packages/core/dist/data/safetensors.js";
import { stream } from "../packages/core/dist/index.js";
import { klDecoder, klEncoder, stableDiffusion } from "../packages/plugin-cmmd/dist/sd-vae/network.js";

const { values } = parseArgs({
  options: {
    clips: { type: "string", default: "8" },
    size: { type: "string", default: "128" },
    only: { type: "string" },
    keep: { type: "string", default: "all" },
  },
});
const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "cmmd-encode-"));

/** Random weights of about unit gain, norms as they begin. */
async function randomWeights(path) {
  const shapes = { ...klEncoder(stableDiffusion).shapes, ...klDecoder(stableDiffusion).shapes };
  const tensors = Object.entries(shapes).map(([name, shape], i) => {
    const size = shape.reduce((a, b) => a * b);
    const fan = size / shape[0];
    const data = shape.length > 1 ? stream(7, "weights", i).normal(size) : new Float32Array(size);
    if (shape.length > 1) for (let k = 0; k < size; k++) data[k] /= Math.sqrt(fan);
    else if (/norm.*weight$/.test(name)) data.fill(1);
    return [name, { shape, data }];
  });
  await writeSafetensors(path, Object.fromEntries(tensors));
  return path;
}

const weights = at("../../shared/data/weights/");
const autoencoders = {
  "sd-vae": async () => ({ weights: await randomWeights(join(folder, "sd-vae.safetensors")) }),
  taef2: async () =>
    existsSync(weights) && {
      encoder: join(weights, "taef2_encoder.safetensors"),
      decoder: join(weights, "taef2_decoder.safetensors"),
    },
};

/** Runs the pipeline up to `encode`; its metrics, logs and peak of the resident set in bytes. */
async function run(file) {
  const argv = [at("../packages/cli/bin/cmmd.js"), "run", file, "encode", "--json"];
  const child = spawn(process.execPath, argv, { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
  const found = { logs: [], peak: 0, seconds: 0 };
  createInterface({ input: child.stdout }).on("line", (line) => {
    const event = JSON.parse(line);
    if (event.type === "metric") found[event.name] = event.value;
    if (event.type === "log") found.logs.push(event.message);
    if (event.type === "stage" && event.stage === "encode" && event.state === "done") found.seconds = event.seconds;
  });
  const timer = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
      // A process that has just ended says nothing any more.
      found.peak = Math.max(found.peak, 1024 * Number(/VmHWM:\s*(\d+)/.exec(status)?.[1] ?? 0));
    } catch {
      clearInterval(timer);
    }
  }, 100);
  const code = await new Promise((resolve) => child.once("close", resolve));
  clearInterval(timer);
  if (code !== 0) throw new Error(found.logs.at(-1));
  return found;
}

const { size, keep } = values;
for (const [name, options] of Object.entries(autoencoders)) {
  if (values.only !== undefined && values.only !== name) continue;
  const given = await options();
  if (!given) {
    console.error(`${name}: its weights are not in ${weights}`);
    continue;
  }
  const clips = Number(values.clips);
  const pipeline = {
    cmmd: 1,
    name: `encode-${name}`,
    device: "cpu",
    data: {
      use: "synthetic",
      scene: "bench",
      size: Number(size),
      clips: { train: clips - 2, test: 2 },
      seconds: 2.6,
      clip: { frames: 18, every: 18 },
    },
    prepare: {
      video: [
        { use: "fps", rate: 10 },
        { use: "resize", size: Number(size) },
      ],
      audio: [{ use: "resample", rate: 16000 }, { use: "mel" }],
      keep,
    },
    latents: { use: name, ...given },
    model: { use: "cmmd-unet" },
    train: { steps: 1, batch: 1, losses: [{ use: "diffusion" }] },
  };
  const file = join(folder, `${name}.json.yaml`);
  writeFileSync(file, JSON.stringify(pipeline));
  const { logs, peak, network_share, seconds } = await run(file);
  const [, rate, frames] = /([\d.e+]+) frames\/s, (\d+) frames encoded/.exec(logs.join("\n"));
  const line = { bench: "encode", autoencoder: name, size: Number(size), frames: Number(frames), seconds };
  console.log(
    JSON.stringify({ ...line, frames_per_second: Number(rate), network_share, peak_mb: Math.round(peak / 1e6) }),
  );
}
rmSync(folder, { recursive: true, force: true });
