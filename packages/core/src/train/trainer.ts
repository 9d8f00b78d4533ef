import { CmmdError } from "../errors.js";
import type { AnyPipeline } from "../pipeline/resolved.js";
import type { StageInput } from "../stages/stage.js";
import { type Beginning, beginningState } from "./beginning.js";
import { checkpoints, type Kept, writeState } from "./checkpoint.js";
import { CurveWriter } from "./curve-writer.js";
import { Meter } from "./meter.js";
import type { Objective, StepResult } from "./objective.js";
import { endOfRun, stepsPerRun } from "./runs.js";

/** More halvings than the largest scale has: no scale helps against what is not finite after them. */
const mostSkipped = 32;

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
  let { step, states, pending } = await beginningState(input, objective, beginning);
  const first = step;
  const curves = new CurveWriter(folder, pending ? step - 1 : step);
  const { validate, preview } = objective;
  const { every_seconds, every_steps, last, keep_every } = options.checkpoints;
  const events = [validate?.every, preview?.every, every_steps, keep_every].filter((every) => every !== undefined);
  const mostPerRun = stepsPerRun(input);
  const kept: Kept = { last, every: keep_every };
  let saved = { time: performance.now(), step };
  const save = async (unconcluded?: StepResult["log"]) => {
    if (signal.aborted) input.saving();
    await checkpoints.save(folder, step, states, objective, kept, unconcluded);
    saved = { time: performance.now(), step };
  };
  const isSaveDue = () =>
    performance.now() - saved.time > every_seconds * 1000 ||
    (every_steps !== undefined && step % every_steps === 0) ||
    (keep_every !== undefined && step % keep_every === 0);
  const stopIfAsked = async () => {
    if (!signal.aborted) return;
    if (step > first && saved.step < step) await save();
    throw signal.reason;
  };

  const meter = new Meter();
  /**
   * What follows a step that logged `log`: curves, and where `states` are those after it, which is so at the end of a run, validation, samples
   * and the checkpoint that is due. An interruption in it keeps the step.
   */
  const conclude = async (log: StepResult["log"], endsRun: boolean) => {
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
    if (!isLast && endsRun && isSaveDue()) await save();
  };

  let skipped = { inARow: 0, all: 0 };
  context.progress(step, options.steps, "steps");
  if (pending) await conclude(pending, true);
  pending = undefined;
  while (step < options.steps) {
    await stopIfAsked();
    const started = performance.now();
    const end = endOfRun(step, options.steps, mostPerRun, events);
    const drawn = await Promise.all(Array.from({ length: end - step }, (_, i) => objective.draw(step + i)));
    const waited = performance.now() - started;
    const taken = await objective.run(states, drawn, step);
    states = taken.state;
    meter.run(drawn.length, waited, performance.now() - started);
    for (const result of taken.steps) {
      step++;
      const { overflowed, log } = result;
      skipped = overflowed ? { inARow: skipped.inARow + 1, all: skipped.all + 1 } : { ...skipped, inARow: 0 };
      checkStep(result, objective, step, skipped.inARow, folder);
      if (overflowed)
        context.log(
          `step ${step} changed nothing: a gradient overflowed in float16 (${skipped.all} so far); the loss scale is now ${log.loss_scale}`,
        );
      const isLogged = !overflowed && (step % options.log_every === 0 || step === options.steps);
      await conclude(isLogged ? log : {}, step === end);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  await writeState(folder, step, states, objective);
  checkpoints.clear(folder, kept, step);
  await objective.dispose();
  context.log(meter.summary(objective.batch));
  const parameters = Object.values(objective.layouts).reduce((sum, { size }) => sum + size, 0);
  return { parameters, steps: step };
}
