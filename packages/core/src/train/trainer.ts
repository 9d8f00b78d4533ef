import type { HostTensor } from "@cmmd/jit";
import { CmmdError } from "../errors.js";
import type { AnyPipeline } from "../pipeline/resolved.js";
import type { StageInput } from "../stages/stage.js";
import { pack, startOf } from "./buckets.js";
import { checkpoints, type Kept, readFacts, readState, writeState } from "./checkpoint.js";
import { CurveWriter } from "./curve-writer.js";
import { Meter } from "./meter.js";
import type { Objective, States, StepResult } from "./objective.js";
import type { WholeState } from "./optimizer.js";
import { compareConfigurations, type Origin } from "./origin.js";
import { scalar } from "./scalars.js";

/** The first scale of the loss in mixed precision. */
const firstScale = 2 ** 16;
/** More halvings than the largest scale has: no scale helps against what is not finite after them. */
const mostSkipped = 32;

/** Where training begins that was not interrupted: weights of other training, if the pipeline names any, and options of the model that may differ from theirs. */
interface Beginning {
  origin(): Promise<Origin | undefined>;
  readonly incidental: readonly string[];
}

/** The state that training goes on from: the newest checkpoint's, otherwise that of `train.from`, otherwise the untrained one. */
async function openState(
  { context, pipeline }: StageInput<AnyPipeline>,
  objective: Objective<unknown>,
  beginning: Beginning,
): Promise<{ readonly step: number; readonly states: States; readonly pending?: StepResult["log"] | undefined }> {
  const { folder } = context;
  const { layouts } = objective;
  const fresh = () =>
    Object.fromEntries(
      Object.entries(objective.initial()).map(([set, tensors]) => [
        set,
        { buckets: startOf(pack(tensors, layouts[set]!)) },
      ]),
    );
  const resumed = checkpoints.newest(folder);
  if (resumed !== undefined) {
    context.log(`goes on from step ${resumed}`);
    const { states, pending } = await readState(checkpoints.path(folder, resumed), layouts);
    return { step: resumed, states, pending };
  }
  const origin = await beginning.origin();
  if (!origin) return { step: 0, states: fresh() };
  const { reset, from, steps } = pipeline.train;
  const source = `train.from: ${from}`;
  // Before the weights are read: whose shapes differ, too, is told best by what makes them differ.
  const facts = readFacts(origin.path);
  const differences = compareConfigurations(facts, objective.configuration, source, {
    incidental: beginning.incidental,
    weightsOnly: reset || facts.step === undefined,
  });
  if (differences !== undefined) context.warn(`${source} was trained otherwise: ${differences}`);
  const found = await readState(origin.path, layouts);
  const lacking = Object.keys(layouts).filter((set) => !(set in found.states));
  if (lacking.length > 0) context.log(`${from} has no weights of the ${lacking.join(" and the ")}: untrained ones`);
  const read = lacking.length > 0 ? { ...found, states: { ...fresh(), ...found.states } } : found;
  if (reset || read.step === undefined) {
    context.log(`begins with the weights of ${from}`);
    const anew = ({ buckets }: WholeState<unknown>) => ({
      buckets: startOf(buckets.map(({ parameters }) => parameters as HostTensor)),
    });
    return {
      step: 0,
      states: Object.fromEntries(Object.entries(read.states).map(([set, state]) => [set, anew(state)])),
    };
  }
  if (read.step >= steps)
    throw new CmmdError(
      "CMMD524",
      `${source} has taken ${read.step} steps, and train.steps is ${steps}: nothing is left`,
      {
        hint: "Raise train.steps, name an earlier checkpoint (@STEP), or set train.reset: true.",
        exitCode: 2,
      },
    );
  context.log(`goes on from step ${read.step} of ${from}`);
  return { step: read.step, states: read.states };
}

/** Gives every set a loss scale, which mixed precision needs and nothing else has. */
function scaledStates(states: States): States {
  const start = { scale: scalar(firstScale), good: scalar(0) };
  return Object.fromEntries(
    Object.entries(states).map(([set, { buckets, lossScale = start }]) => [set, { buckets, lossScale }]),
  );
}

const unscaledStates = (states: States): States =>
  Object.fromEntries(Object.entries(states).map(([set, { buckets }]) => [set, { buckets }]));

/** Throws when a step says that training is lost: CMMD521 when a number is not finite, CMMD526 when a loss runs away. */
function checkStep(
  { loss, gradient, log, overflowed }: StepResult,
  objective: Objective<unknown>,
  step: number,
  skippedInARow: number,
  folder: string,
): void {
  const last = checkpoints.newest(folder);
  const kept = last !== undefined ? `the checkpoint of step ${last} is kept` : "no checkpoint had been written yet";
  const broken = !overflowed && !(Number.isFinite(loss) && Number.isFinite(gradient));
  if (broken || skippedInARow > mostSkipped)
    throw new CmmdError("CMMD521", `the loss became ${loss} and its gradient ${gradient} at step ${step}; ${kept}`, {
      hint: "Lower train.optimizer.rate or a loss's weight, or add `warmup` or `clip` to the optimizer, and run again.",
    });
  const runaway = overflowed ? undefined : objective.runaway(log, step - 1);
  if (runaway !== undefined)
    throw new CmmdError("CMMD526", `training ran away at step ${step}: ${runaway}; ${kept}`, {
      hint: "Change what the message names and run again.",
    });
}

/**
 * Trains an objective and leaves its final state in `context.folder`; goes on from the newest checkpoint there. The result depends on the
 * pipeline alone, not on when or how often training was interrupted.
 */
export async function train<Drawn>(input: StageInput<AnyPipeline>, objective: Objective<Drawn>, beginning: Beginning) {
  const { pipeline, context } = input;
  const { train: options } = pipeline;
  const { folder, signal } = context;
  for (const line of objective.describe()) context.log(line);
  // Nothing else may keep the first state: its memory is free after the first step.
  let { step, states, pending } = await openState(input, objective, beginning);
  states = pipeline.precision === "mixed" ? scaledStates(states) : unscaledStates(states);
  const first = step;
  const curves = new CurveWriter(folder, pending ? step - 1 : step);
  const { every_seconds, every_steps, last, keep_every } = options.checkpoints;
  const kept: Kept = { last, every: keep_every };
  let saved = { time: performance.now(), step };
  const save = async (unconcluded?: StepResult["log"]) => {
    if (signal.aborted) input.saving();
    await checkpoints.save(folder, step, states, objective, kept, unconcluded);
    saved = { time: performance.now(), step };
  };
  const isDue = () =>
    performance.now() - saved.time > every_seconds * 1000 ||
    (every_steps !== undefined && step % every_steps === 0) ||
    (keep_every !== undefined && step % keep_every === 0);
  const stopIfAsked = async () => {
    if (!signal.aborted) return;
    if (step > first && saved.step < step) await save();
    throw signal.reason;
  };

  const meter = new Meter();
  /** What follows a step that logged `log`: validation, curves, samples and the checkpoint that is due. An interruption in it keeps the step. */
  const conclude = async (log: StepResult["log"]) => {
    const { validate, preview } = objective;
    const isLast = step === options.steps;
    try {
      const row = { ...log };
      if (validate && (step % validate.every === 0 || isLast)) Object.assign(row, await validate.run(states, step));
      if (Object.keys(row).length > 0) {
        curves.write({ step, ...row });
        const { learning_rate: _, ...shown } = row;
        for (const [name, value] of Object.entries({ ...shown, ...meter.figures(objective.batch) }))
          input.metric(name, value, step);
      }
      if (preview && (step % preview.every === 0 || isLast)) await preview.run(states, step);
    } catch (error) {
      if (signal.aborted && saved.step < step) await save(log);
      throw error;
    }
    context.progress(step, options.steps, "steps");
    if (!isLast && isDue()) await save();
  };

  let skipped = { inARow: 0, all: 0 };
  context.progress(step, options.steps, "steps");
  if (pending) await conclude(pending);
  pending = undefined;
  while (step < options.steps) {
    await stopIfAsked();
    const started = performance.now();
    const drawn = await objective.draw(step);
    const waited = performance.now() - started;
    const result = await objective.run(states, drawn, step);
    states = result.state;
    step++;
    meter.step(waited, performance.now() - started);
    const { overflowed, log } = result;
    skipped = overflowed ? { inARow: skipped.inARow + 1, all: skipped.all + 1 } : { ...skipped, inARow: 0 };
    checkStep(result, objective, step, skipped.inARow, folder);
    if (overflowed)
      context.log(
        `step ${step} changed nothing: a gradient overflowed in float16 (${skipped.all} so far); the loss scale is now ${log.loss_scale}`,
      );
    const isLogged = !overflowed && (step % options.log_every === 0 || step === options.steps);
    await conclude(isLogged ? log : {});
    await new Promise((resolve) => setImmediate(resolve));
  }
  await writeState(folder, step, states, objective);
  checkpoints.clear(folder, kept, step);
  await objective.dispose();
  const { clips_per_second, data_wait_share, peak_memory_mb } = meter.figures(objective.batch);
  context.log(
    `${clips_per_second.toPrecision(3)} clips per second; ${(data_wait_share * 100).toFixed(2)} % of the steps' time was spent waiting for data; ${Math.round(peak_memory_mb)} MB at most`,
  );
  const parameters = Object.values(objective.layouts).reduce((sum, { size }) => sum + size, 0);
  return { parameters, steps: step };
}
