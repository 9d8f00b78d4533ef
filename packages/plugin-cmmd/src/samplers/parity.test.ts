import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Arrays,
  type CmmdError,
  cosineSchedule,
  type Predict,
  type SamplerBody,
  type SamplerState,
} from "@cmmd/core";
import { describe, expect, it } from "vitest";
import { checkHeun, checkSteps } from "./checks.js";
import { body as ddim } from "./ddim.js";
import { body as ddpm } from "./ddpm.js";
import { body as dpmSolver } from "./dpm-solver.js";
import { body as heun } from "./heun.js";

interface Trajectory {
  /** n and x of every network evaluation. */
  readonly asked: readonly (readonly number[])[];
  readonly result: readonly number[];
}

const fixture = join(import.meta.dirname, "fixtures/diffusers.json");
const expected = JSON.parse(readFileSync(fixture, "utf8")) as Readonly<Record<string, Trajectory>>;
const schedule = cosineSchedule(1000);
const size = 4;
const dpm = { order: 2, final_first_order: 1, spacing: "uniform" } as const;
const karras = { rho: 7, sigma_min: 0.002, sigma_max: 80 };

const vector = (f: (i: number) => number) => Float64Array.from({ length: size }, (_, i) => f(i));
/** The first half of a vector of the reference is the video, the second the audio. */
const split = (x: Float64Array): Arrays => ({
  video: Float32Array.from(x.subarray(0, size / 2)),
  audio: Float32Array.from(x.subarray(size / 2)),
});
const join2 = ({ video, audio }: Arrays) => [...video, ...audio];

/** x0 and eps of the reference's network, which predicts v = tanh(0.7 x + sin(0.01 n + phase)) - 0.2 x. */
const imply = (x: readonly number[], n: number) => {
  const [s, r] = [Math.sqrt(schedule.alphaBar(n)), Math.sqrt(1 - schedule.alphaBar(n))];
  const v = x.map((value, i) => Math.tanh(0.7 * value + Math.sin(0.01 * n + 0.9 * i)) - 0.2 * value);
  return {
    x0: split(vector((i) => s * x[i]! - r * v[i]!)),
    eps: split(vector((i) => r * x[i]! + s * v[i]!)),
  };
};

type Tools = Parameters<SamplerBody<unknown>["sample"]>[3];

async function trajectory<O>(body: SamplerBody<O>, options: O, more: Pick<Tools, "from" | "stands"> = {}) {
  const asked: number[][] = [];
  let counted = 0;
  const predict: Predict = async (x, n) => {
    asked.push([n, ...join2(x)]);
    return imply(join2(x), n);
  };
  const result = await body.sample(options, predict, split(vector((i) => 1.3 * Math.sin(1.7 * i + 0.4))), {
    schedule,
    noise: (k) => split(vector((i) => 1.4 * Math.sin(12.9898 * (k + 1) + 78.233 * i))),
    evaluated: (k) => {
      counted = k;
    },
    signal: new AbortController().signal,
    ...more,
  });
  return { asked, result: join2(result), counted };
}

const runs: Readonly<Record<string, [SamplerBody<never>, object]>> = {
  "ddim 200": [ddim, { steps: 200, eta: 0 }],
  "ddim 50 eta 0.6": [ddim, { steps: 50, eta: 0.6 }],
  "ddim 20 eta 1": [ddim, { steps: 20, eta: 1 }],
  "ddpm 1000 small": [ddpm, { steps: 1000, variance: "small" }],
  "ddpm 1000 large": [ddpm, { steps: 1000, variance: "large" }],
  "ddpm 50 small": [ddpm, { steps: 50, variance: "small" }],
  "dpm-solver++ 20": [dpmSolver, { ...dpm, steps: 20 }],
  "dpm-solver++ 10 first order": [dpmSolver, { ...dpm, steps: 10, order: 1 }],
  "dpm-solver++ 20 log-snr": [dpmSolver, { ...dpm, steps: 20, spacing: "log-snr" }],
  "heun 18": [heun, { ...karras, steps: 18 }],
};

// Fixtures: bench/reference/diffusers_samplers.py, where the conventions of both sides are compared.
describe("samplers against diffusers' schedulers on the same predictions", () => {
  it.each(Object.keys(expected))("%s", async (name) => {
    const [body, options] = runs[name]!;
    const { asked, result } = expected[name]!;
    const got = await trajectory(body, options as never);
    expect(got.asked.map(([n]) => n)).toEqual(asked.map(([n]) => n));
    expect(got.counted).toBe(asked.length);
    expect(body.evaluations(options as never)).toBe(asked.length);
    const off = (a: readonly number[], b: readonly number[]) => Math.max(...a.map((x, i) => Math.abs(x - b[i]!)));
    const worst = Math.max(...asked.map((row, i) => off(row, got.asked[i]!)), off(result, got.result));
    if (process.env.CMMD_TEST_PRINT) console.log(`${name}: ${worst.toExponential(1)}`);
    expect(worst).toBeLessThan(1e-5);
  });
});

describe("samplers that were interrupted", () => {
  it.each(Object.keys(runs))("%s goes on to the same bits from where it stood", async (name) => {
    const [body, options] = runs[name]!;
    const states: SamplerState[] = [];
    const whole = await trajectory(body, options as never, { stands: (state) => states.push(state) });
    const from = states[Math.floor(states.length / 2)]!;
    const rest = await trajectory(body, options as never, { from });
    expect(rest.result).toEqual(whole.result);
    expect(rest.counted).toBe(whole.counted);
    expect(rest.asked).toEqual(whole.asked.slice(-rest.asked.length));
    expect(rest.asked.length).toBeLessThan(whole.asked.length);
  });
});

describe("more steps than the schedule has", () => {
  it("are told when the pipeline is validated, with the largest number that works", () => {
    expect(checkSteps({ steps: 1000 }, { schedule })).toEqual([]);
    expect(checkSteps({ steps: 1001 }, { schedule })).toMatchObject([{ option: "steps", code: "CMMD540" }]);
    const [problem] = checkHeun({ ...karras, steps: 2000 }, { schedule });
    const most = Number(/steps: (\d+)/.exec(problem!.hint)![1]);
    expect(checkHeun({ ...karras, steps: most }, { schedule })).toEqual([]);
    expect(checkHeun({ ...karras, steps: 2, sigma_min: 90 }, { schedule })).toMatchObject([{ code: "CMMD541" }]);
  });

  it.each([
    ["ddim", ddim, { steps: 1001, eta: 0 }],
    ["dpm-solver++", dpmSolver, { ...dpm, steps: 1001, spacing: "log-snr" }],
    ["heun", heun, { ...karras, steps: 1001 }],
  ] as const)("are refused by %s itself before the network is asked", async (_, body, options) => {
    const failure = await trajectory(body as SamplerBody<never>, options as never).catch((error: CmmdError) => error);
    expect(failure).toMatchObject({ code: "CMMD540" });
  });

  it("all of them can be taken, each once", async () => {
    const { asked } = await trajectory(dpmSolver, { ...dpm, steps: 1000, spacing: "log-snr" });
    expect(asked.map(([n]) => n)).toEqual(Array.from({ length: 1000 }, (_, k) => 1000 - k));
  });
});
