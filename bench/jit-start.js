/**
 * Seconds from a function to a program that is ready to run: traced, optimised and opened, and the same from the disk cache in a second
 * process. The 106M-parameter network at 16x16 latents, on the built packages.
 *
 *   node bench/jit-start.js [--program forward|guidance|train] [--device cpu] [--channels 128]
 *
 * Prints one JSON line per start, with a hash of a result that must not depend on the start.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { parametrisations } from "../packages/core/dist/diffusion/parametrisation.js";
import { parametersOf } from "../packages/core/dist/train/flat.js";
import { adam, stepScalars } from "../packages/core/dist/train/optimizer.js";
import { jit, valueAndGrad } from "../packages/jit/dist/index.js";
import { reconstruction } from "../packages/plugin-cmmd/dist/guidance/reconstruction.js";
import { apply } from "../packages/plugin-cmmd/dist/unet/network.js";
import { parameters } from "../packages/plugin-cmmd/dist/unet/parameters.js";

const { values: flags } = parseArgs({
  options: {
    program: { type: "string" },
    device: { type: "string", default: "cpu" },
    channels: { type: "string", default: "128" },
    /** Set for the processes that measure one start each. */
    cache: { type: "string" },
    start: { type: "string" },
  },
});

const { device } = flags;
const shape = { video: [18, 16, 16, 8], audio: [112, 80] };
const options = {
  channels: Number(flags.channels),
  multipliers: [1, 2, 3, 4],
  head_dim: 64,
  groups: 32,
  fusion: "easy",
};
const optimizer = { rate: 1e-4, warmup: 1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

/** Small numbers in place of a trained network's: as fast to make as to copy. */
function filled(size, amplitude = 1) {
  const data = new Float32Array(size.reduce((a, b) => a * b, 1));
  let state = 1;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    data[i] = (state / 2 ** 31) * amplitude;
  }
  return { shape: size, data };
}

const scalar = (value) => ({ shape: [], data: Float32Array.of(value) });
const pair = () => ({ video: filled([1, ...shape.video]), audio: filled([1, ...shape.audio]) });
const layout = parameters(options, shape).map(({ name, shape: size }) => ({
  name,
  shape: size,
  size: size.reduce((a, b) => a * b, 1),
}));
const inputs = () => ({ ...pair(), n: { shape: [1], data: Float32Array.of(500) }, alphaBar: scalar(0.5) });
const named = () => Object.fromEntries(layout.map(({ name, shape: size }) => [name, filled(size, 0.02)]));

/** Each program: its function, its options, its arguments. */
const programs = {
  forward: () => [(p, x) => apply(p, x, options), { freeze: [0] }, [named(), inputs()]],
  guidance: () => {
    const network = (p) => (video, audio, n) => apply(p, { video, audio, n }, options);
    const fn = (p, { n, alphaBar, known, ...x }) =>
      reconstruction.predict({ weight: 1 }, network(p), parametrisations.v, {
        x,
        n,
        alphaBar,
        known: { modality: "video", ...known },
      });
    return [fn, { freeze: [0] }, [named(), { ...inputs(), known: { x0: pair().video, noise: pair().video } }]];
  },
  train: () => {
    const count = layout.reduce((sum, { size }) => sum + size, 0);
    const zeros = () => ({ shape: [count], data: new Float32Array(count) });
    const fn = (state, { target, alphaBar, ...x }, scalars) => {
      const { value, grads } = valueAndGrad((flat) => {
        const out = apply(parametersOf(flat, layout), x, options);
        const error = (kind) => out[kind].sub(target[kind]).square().mean();
        return { value: error("video").add(error("audio")) };
      }, state.parameters);
      return { state: adam(state, grads, scalars, optimizer), loss: value };
    };
    const state = { parameters: filled([count], 0.02), first: zeros(), second: zeros(), ema: zeros() };
    const numbers = Object.entries(stepScalars(optimizer, 0.999, 0));
    const scalars = Object.fromEntries(numbers.map(([name, value]) => [name, scalar(value)]));
    return [fn, { donate: [0] }, [state, { ...inputs(), target: pair() }, scalars]];
  },
};

const round = (value) => Number(value.toPrecision(4));

/** One start in this process. */
async function measure() {
  const [fn, settings, args] = programs[flags.program]();
  const cache = { directory: flags.cache, key: JSON.stringify([flags.program, options]) };
  const program = jit(fn, { ...settings, device, cache, name: flags.program });
  const before = process.cpuUsage();
  const from = performance.now();
  await program.prepare(...args);
  const opened = (performance.now() - from) / 1000;
  const opening = process.cpuUsage(before);
  const first = await program(...args);
  const read = first.state ? first.loss : (first.x0?.audio ?? first.video);
  const { data } = await read.read();
  const digest = createHash("sha256").update(new Uint8Array(data.buffer)).digest("hex").slice(0, 12);
  console.log(
    JSON.stringify({
      bench: `${flags.start} start, ${flags.program}`,
      ours: round(opened),
      cpu: round((opening.user + opening.system) / 1e6),
      result: digest,
      device,
    }),
  );
}

if (flags.cache !== undefined) await measure();
else {
  for (const program of flags.program ? [flags.program] : Object.keys(programs)) {
    const cache = mkdtempSync(join(tmpdir(), "cmmd-jit-start-"));
    for (const start of ["first", "second"]) {
      const given = [
        "--program",
        program,
        "--device",
        device,
        "--channels",
        flags.channels,
        "--cache",
        cache,
        "--start",
        start,
      ];
      spawnSync(process.execPath, [import.meta.filename, ...given], { stdio: "inherit" });
    }
    rmSync(cache, { recursive: true });
  }
}
