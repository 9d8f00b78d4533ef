import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** These tests run the built command line in processes of its own. */
export const bin = fileURLToPath(new URL("../bin/cmmd.js", import.meta.url));
export const demo = fileURLToPath(new URL("../../../pipelines/demo.yaml", import.meta.url));

/** The demo as far as the weights, its network as small as it can be, three steps. */
export const tinyTraining = `extends: ${demo}
name: tiny
data: { clips: { train: 2, test: 1 }, seconds: 3, size: 64 }
prepare: { video: [{ use: fps, rate: 10 }, { use: center-crop }, { use: resize, size: 32 }] }
model: { channels: 8, groups: 4, head_dim: 8, multipliers: [1, 2] }
train:
  steps: 3
  optimizer: { rate: 1e-2, warmup: 0 }
  batch: 2
  log_every: 1
  losses: [{ use: diffusion }, { use: contrastive, from: 0, batch: 1 }]
`;

export interface Ended {
  readonly code: number | null;
  /** The signal that ended it; a shell reports 128 and its number as the code. */
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

interface Options {
  readonly cwd?: string;
  readonly bin?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Sends `signal` once the output so far fits. */
  readonly stop?: { readonly at: RegExp; readonly signal: "SIGINT" | "SIGKILL" };
}

export function cmmd(argv: readonly string[], options: Options = {}): Promise<Ended> {
  const child = spawn(process.execPath, [options.bin ?? bin, ...argv], { cwd: options.cwd, env: options.env });
  let [out, err] = ["", ""];
  let stopped = false;
  child.stdout.on("data", (chunk) => {
    out += chunk;
    if (stopped || !options.stop?.at.test(out)) return;
    stopped = true;
    child.kill(options.stop.signal);
  });
  child.stderr.on("data", (chunk) => {
    err += chunk;
  });
  return new Promise((resolve) => child.once("close", (code, signal) => resolve({ code, signal, out, err })));
}

export const jsonLines = (out: string) =>
  out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
