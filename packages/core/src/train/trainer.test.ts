import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HostTensor } from "@cmmd/jit";
import { afterAll, describe, expect, it } from "vitest";
import { stream } from "../diffusion/random.js";
import type { StageInput } from "../stages/stage.js";
import { layoutOf } from "./buckets.js";
import { readCurves } from "./curves.js";
import type { Objective, StateTensors } from "./objective.js";
import { train } from "./trainer.js";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

const weights = (seed: number, ...shape: number[]) => ({
  weight: { shape, data: stream(seed, "weights").normal(shape.reduce((a, b) => a * b)) },
});
const initial = { model: weights(1, 3, 2), discriminator: weights(2, 4) };

/** Two networks against each other, in plain arithmetic: what a vocoder's training asks of the loop. `taken` hears of every step, `ran` of the steps of each run. */
function adversarial({
  runawayAt = Number.POSITIVE_INFINITY,
  taken = (_step: number) => {},
  ran = (_steps: number) => {},
  concluding = (_what: "validation" | "samples", _step: number) => {},
} = {}): Objective<Float32Array> {
  const moved = (state: StateTensors, by: number): StateTensors => ({
    buckets: state.buckets.map(({ parameters, first, second, ema }) => {
      const next = (parameters as HostTensor).data.map((value) => value * 0.9 + by) as Float32Array;
      const average = ((ema as HostTensor).data as Float32Array).map((value, i) => (value + next[i]!) / 2);
      return { parameters: { ...parameters, data: next }, first, second, ema: { ...ema, data: average } } as never;
    }),
  });
  return {
    layouts: { model: layoutOf(initial.model), discriminator: layoutOf(initial.discriminator) },
    configuration: { model: "adversarial" },
    batch: 1,
    initial: () => initial,
    describe: () => [],
    draw: (step) => stream(3, "noise", step).normal(2),
    async run(states, drawn, step) {
      let { model, discriminator } = states as Record<"model" | "discriminator", StateTensors>;
      ran(drawn.length);
      const steps = drawn.map(([a, b], i) => {
        taken(step + i + 1);
        [model, discriminator] = [moved(model, a!), moved(discriminator, b!)];
        return { log: { loss: a! }, loss: a!, gradient: 1, overflowed: false };
      });
      return { state: { model, discriminator }, steps };
    },
    runaway: (_, step) => (step === runawayAt ? "it fell" : undefined),
    validate: {
      every: 2,
      run: async (states, step) => {
        concluding("validation", step);
        return { "validation/loss": sumOf(states.model!) };
      },
    },
    preview: { every: 3, run: async (_, step) => concluding("samples", step) },
    dispose: async () => undefined,
  };
}
const sumOf = ({ buckets }: StateTensors) =>
  buckets.reduce((sum, { ema }) => sum + ((ema as HostTensor).data as Float32Array).reduce((a, b) => a + b, 0), 0);

function inputIn(folder: string, stopAfter?: number, steps_per_run: "auto" | number = "auto"): StageInput {
  const controller = new AbortController();
  const context = {
    folder,
    signal: controller.signal,
    log: () => undefined,
    progress: (done: number) => {
      if (done === stopAfter) controller.abort(new Error("interrupted"));
    },
  };
  const checkpoints = { every_seconds: 3600, last: 1, keep_every: 3 };
  const pipeline = { precision: "float32", train: { steps: 8, steps_per_run, log_every: 1, checkpoints } };
  return {
    context,
    pipeline,
    device: "cpu",
    metric: () => undefined,
    saving: () => undefined,
  } as unknown as StageInput;
}
const beginning = { origin: async () => undefined, incidental: [] };
const newFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), "cmmd-train-"));
  folders.push(folder);
  return folder;
};
const contents = (folder: string) =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((path) => statSync(join(folder, path)).isFile())
      .map((path) => [path, readFileSync(join(folder, path)).toString("base64")]),
  );

describe("the training loop", () => {
  it("trains two sets of parameters, and leaves the same bytes wherever it was interrupted", async () => {
    const reference = newFolder();
    await train(inputIn(reference), adversarial(), beginning);
    const expected = contents(reference);
    for (const file of ["model", "ema", "optimizer", "discriminator.model", "discriminator.ema"])
      for (const place of ["", "checkpoint-3/", "checkpoint-6/"])
        expect(Object.keys(expected)).toContain(`${place}${file}.safetensors`);
    const folder = newFolder();
    for (const step of [2, 3, 7])
      await expect(train(inputIn(folder, step), adversarial(), beginning)).rejects.toThrow("interrupted");
    await train(inputIn(folder), adversarial(), beginning);
    expect(contents(folder)).toEqual(expected);
  });

  it("interrupted in validation or samples, it keeps the step, and takes none twice", async () => {
    const reference = newFolder();
    await train(inputIn(reference), adversarial(), beginning);
    const folder = newFolder();
    const steps: number[] = [];
    const taken = (step: number) => steps.push(step);
    for (const [what, at] of [
      ["validation", 2],
      ["samples", 3],
      ["validation", 6],
      ["samples", 6],
      ["validation", 8],
      ["samples", 8],
    ]) {
      const input = inputIn(folder);
      const concluding = (begun: string, step: number) => {
        if (begun !== what || step !== at) return;
        Object.defineProperty(input.context.signal, "aborted", { value: true });
        throw new Error("interrupted");
      };
      await expect(train(input, adversarial({ taken, concluding }), beginning)).rejects.toThrow("interrupted");
    }
    await train(inputIn(folder), adversarial({ taken }), beginning);
    expect(steps).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(contents(folder)).toEqual(contents(reference));
  });

  it("takes several steps in a run, and leaves the same bytes although it was interrupted in the middle of runs", async () => {
    const lengths: number[] = [];
    const unvalidated = () => {
      const { validate: _, ...objective } = adversarial({ ran: (steps) => lengths.push(steps) });
      return objective;
    };
    const reference = newFolder();
    await train(inputIn(reference), unvalidated(), beginning);
    expect(lengths.splice(0)).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
    const folder = newFolder();
    for (const step of [1, 4])
      await expect(train(inputIn(folder, step, 2), unvalidated(), beginning)).rejects.toThrow("interrupted");
    await train(inputIn(folder, undefined, 2), unvalidated(), beginning);
    // Samples and checkpoints are due at every third step.
    expect(lengths).toEqual([2, 1, 2, 1, 2]);
    expect(contents(folder)).toEqual(contents(reference));
  });

  it.each([1, 4])(
    "with %i steps in a run, stops when a loss runs away, with the reason and what is kept",
    async (steps) => {
      const folder = newFolder();
      const input = inputIn(folder, undefined, steps);
      await expect(train(input, adversarial({ runawayAt: 4 }), beginning)).rejects.toMatchObject({
        code: "CMMD526",
        message: "training ran away at step 5: it fell; the checkpoint of step 3 is kept",
      });
      expect(readCurves(folder).map(({ step }) => step)).toEqual([1, 2, 3, 4]);
    },
  );
});
