/** Media files and processes for the benches of `prepare`. Linux only: memory is read from /proc. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";

export const ffmpeg = process.env.CMMD_FFMPEG ?? "ffmpeg";
export const cmmd = join(import.meta.dirname, "../packages/cli/bin/cmmd.js");

/** Runs FFmpeg to make `path`, unless it is there. */
export function make(path, args) {
  if (existsSync(path)) return path;
  mkdirSync(dirname(path), { recursive: true });
  const unfinished = path.replace(/(\.\w+)$/, ".partial$1");
  const { status, stderr } = spawnSync(ffmpeg, ["-v", "error", "-y", ...args, unfinished], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  renameSync(unfinished, path);
  return path;
}

/** A pipeline that prepares the videos under `root`. */
export const pipeline = ({ root, clip, size, prepare = "" }) => `cmmd: 1
name: bench
device: cpu
data: { use: folder, root: ${JSON.stringify(root)}, holdout: 0, max_rejected: 1, clip: ${JSON.stringify(clip)} }
prepare:
  video: [{ use: fps, rate: 10 }, { use: center-crop }, { use: resize, size: ${size} }]
  audio: [{ use: resample, rate: 16000 }, { use: mel, bins: 80, window: 512, hop: 256 }]
  ${prepare}
latents: { use: patch-pca, patch: 8, channels: 4 }
model: { use: cmmd-unet, channels: 32, multipliers: [1, 2], head_dim: 32, groups: 8 }
train: { steps: 1, batch: 1, losses: [{ use: diffusion }] }
`;

/** Process `pid` and its descendants, with the bytes that each has in memory. Shared pages count for every one of them. */
export function processes(pid) {
  const children = new Map();
  const resident = new Map();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const status = readFileSync(`/proc/${name}/status`, "utf8");
      const parent = Number(/^PPid:\s+(\d+)/m.exec(status)[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
      resident.set(Number(name), Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) * 1024);
    } catch (error) {
      // It has ended in the meantime.
      if (!["ENOENT", "ESRCH"].includes(error.code)) throw error;
    }
  }
  const tree = (one) => [one, ...(children.get(one) ?? []).flatMap(tree)];
  return tree(pid).map((one) => ({ pid: one, bytes: resident.get(one) ?? 0 }));
}

/** A shell that runs a command and then says what time its processes had, of their own and in the kernel, in the last two lines. */
const timed = ["sh", "-c", '"$@" || exit $?; times', "sh"];

/** The same as `run`, and the seconds of the processor's time that the command and its children took: the same on a busy machine. */
export async function runTimed(command, args) {
  const ended = await run(timed[0], [...timed.slice(1), command, ...args]);
  const last = ended.out.trim().split("\n").at(-1);
  const cpu = [...last.matchAll(/(\d+)m([\d.]+)s/g)].reduce((sum, [, m, s]) => sum + Number(m) * 60 + Number(s), 0);
  return { ...ended, cpu };
}

/** Runs a command to its end: seconds, and the most memory that it and its children had at once. Throws when it fails. */
export function run(command, args, options = {}) {
  const began = performance.now();
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  let [bytes, out] = [0, ""];
  const look = setInterval(() => {
    bytes = Math.max(
      bytes,
      processes(child.pid).reduce((sum, one) => sum + one.bytes, 0),
    );
  }, 100);
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk) => {
      out = (out + chunk).slice(-10_000);
    });
  const ended = new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      clearInterval(look);
      if (code === 0 || options.mayFail) resolve({ seconds: (performance.now() - began) / 1000, bytes, code, out });
      else reject(new Error(`${command} ended with ${code}: ${out}`));
    });
  });
  return Object.assign(ended, { child });
}

export const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
