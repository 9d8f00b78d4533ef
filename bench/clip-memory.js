/**
 * What training's clips take of memory and processor time, by the number of clips in the split: each process opens the clips and draws batches of 8 at
 * random. Their shards have real headers and sizes (16x16x4 latents of 22 frames, 2.2 s of sound) and no content: files with holes. One JSON
 * line per number, after one for a process that opens nothing. Linux only; needs a build.
 *
 *     node bench/clip-memory.js [--clips 1000,10000,100000] [--batches 200]
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { safetensorsHeader } from "../packages/core/dist/data/safetensors.js";
import { stream } from "../packages/core/dist/diffusion/random.js";
import { openClips } from "../packages/core/dist/stages/clips.js";

const { values } = parseArgs({
  options: {
    clips: { type: "string", default: "1000,10000,100000" },
    batches: { type: "string", default: "200" },
    measure: { type: "string" },
  },
});
const [frames, context, rate, hop] = [18, 2, 16000, 256];
const stored = {
  prepare: { waveform: [((frames + 2 * context) * rate) / 10], features: [112, 80] },
  encode: { latents: [frames + 2 * context, 16, 16, 4] },
};
const size = (shape) => shape.reduce((a, b) => a * b);

function writeShards(folder, tensors, count) {
  mkdirSync(folder, { recursive: true });
  const perClip = Object.values(tensors).reduce((sum, shape) => sum + 4 * size(shape), 0);
  const perShard = Math.ceil((256 << 20) / perClip);
  const lines = [];
  for (let first = 0; first < count; first += perShard) {
    const shard = `shard-${String(first / perShard).padStart(5, "0")}.safetensors`;
    const ids = Array.from({ length: Math.min(perShard, count - first) }, (_, i) => `recording_${first + i}`);
    const layouts = ids.flatMap((id) =>
      Object.entries(tensors).map(([name, shape]) => {
        return { name: `${id}.${name}`, shape, dtype: "F32", bytes: 4 * size(shape), elementBytes: 4 };
      }),
    );
    const header = Buffer.concat(safetensorsHeader(layouts).header);
    writeFileSync(join(folder, shard), header);
    truncateSync(join(folder, shard), header.length + ids.length * perClip);
    for (const id of ids)
      lines.push({ id, shard, split: "train", recording: id, events: [0.5], before: context, after: context });
  }
  writeFileSync(join(folder, "index.jsonl"), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
}

async function measure({ inputs, batches, count }) {
  const pipeline = {
    data: { clip: { frames } },
    prepare: { audio: [{ use: "none" }] },
    diffusion: { scale: { video: 1, audio: 1 } },
  };
  const peak = () => Number(/VmHWM:\s*(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]) / 1024;
  const before = peak();
  if (count === 0) return { clips: 0, peak_mb: Math.round(before) };
  const seconds = () => Object.values(process.cpuUsage()).reduce((a, b) => a + b) / 1e6;
  const began = seconds();
  const { clips } = await openClips({ pipeline, inputs, component: async () => ({}) }, ["train"]);
  const opened = seconds();
  const random = stream(1, "bench");
  for (let i = 0; i < 8 * batches; i++) {
    const clip = clips[random.integer(count)];
    clip.video(0);
    clip.audio(0);
  }
  const perBatch = (1e3 * (seconds() - opened)) / batches;
  return { clips: clips.length, open_cpu_s: opened - began, batch_cpu_ms: perBatch, peak_mb: Math.round(peak()) };
}

if (values.measure) console.log(JSON.stringify(await measure(JSON.parse(values.measure))));
else
  for (const count of [0, ...values.clips.split(",").map(Number)]) {
    const folder = mkdtempSync(join(tmpdir(), "cmmd-clips-"));
    try {
      const inputs = { prepare: join(folder, "prepare"), encode: join(folder, "encode") };
      for (const stage of Object.keys(stored)) writeShards(inputs[stage], stored[stage], count);
      const statistics = { definition: { hop }, rates: { video: 10, audio: rate }, mean: 0, std: 1 };
      writeFileSync(join(inputs.prepare, "features.json"), JSON.stringify(statistics));
      const given = JSON.stringify({ inputs, batches: Number(values.batches), count });
      const { stdout } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), "--measure", given], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "inherit"],
      });
      process.stdout.write(stdout);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
