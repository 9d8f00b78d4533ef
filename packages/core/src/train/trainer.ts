import type { DeviceTensor } from "@cmmd/jit";
import { type Random, stream } from "../diffusion/random.js";
import { schedules } from "../diffusion/schedule.js";
import { CmmdError } from "../errors.js";
import type { Clip, PairShape } from "../plugin/clips.js";
import type { LossBody, ModelBody, NegativeBody, UseNegative } from "../plugin/components.js";
import { jitOptions } from "../stages/computing.js";
import type { StageInput } from "../stages/stage.js";
import { clipOrder, drawBatch } from "./batches.js";
import { layoutOf, pack, startOf } from "./buckets.js";
import { checkpoints, type StateTensors, writeState } from "./checkpoint.js";
import { CurveWriter } from "./curve-writer.js";
import { learningRate, stepScalars } from "./optimizer.js";
import { type ActiveLoss, trainingProgram } from "./program.js";

type LossEntry = StageInput["pipeline"]["train"]["losses"][number];

const isActive = ({ from, until }: LossEntry, step: number) => step >= from && (until === undefined || step < until);

/** The objective in one line, e.g. `loss = diffusion − 5e-05·(audio⁻ + video⁻) from step 400000`. */
function describeLosses(losses: readonly (ActiveLoss & { readonly entry: LossEntry })[]): string {
  const parts = losses.map(({ used, body, entry }) => {
    const when = `${entry.from > 0 ? ` from step ${entry.from}` : ""}${entry.until === undefined ? "" : ` until step ${entry.until}`}`;
    return `${body.describe(used.options)}${when}`;
  });
  return `loss = ${parts.reduce((sum, part) => (/^[−-]/.test(part) ? `${sum} ${part}` : `${sum} + ${part}`))}`;
}

/** Draws negatives by the mixture in the pipeline; implementations are loaded once, before training. */
async function negativeDrawer(input: StageInput, pool: readonly Clip[]) {
  const bodies = new Map<string, NegativeBody<unknown>>();
  const load = async (value: unknown): Promise<void> => {
    if (Array.isArray(value)) for (const item of value) await load(item);
    else if (value !== null && typeof value === "object") {
      const { use } = value as { use?: unknown };
      if (typeof use === "string" && !bodies.has(use)) bodies.set(use, await input.component("negatives", use));
      for (const item of Object.values(value)) await load(item);
    }
  };
  for (const { options } of input.pipeline.train.losses) await load(options);
  return (entries: readonly UseNegative[], clip: Clip, modality: "video" | "audio", random: Random): Float32Array => {
    let point = random.uniform() * entries.reduce((sum, { weight }) => sum + (weight ?? 1), 0);
    let chosen = entries[0]!;
    for (const entry of entries) {
      chosen = entry;
      point -= entry.weight ?? 1;
      if (point < 0) break;
    }
    return bodies.get(chosen.use)!.draw(chosen, { clip, pool, modality, random });
  };
}

const numberOf = async (tensor: DeviceTensor) => (await tensor.read()).data[0]!;
const scalar = (value: number) => ({ shape: [], data: Float32Array.of(value) });
/** The first scale of the loss in mixed precision. */
const firstScale = 2 ** 16;
/** More halvings than the largest scale has: no scale helps against what is not finite after them. */
const mostSkipped = 32;

/** The untrained parameters: a function of the seed, the model's options and the sizes. */
export function initialParameters(input: StageInput, model: ModelBody<unknown>, shape: PairShape) {
  const { pipeline } = input;
  return model.initialise(pipeline.model.options, shape, (name) => stream(pipeline.seed, `initialise ${name}`));
}

/** The state that training goes on from: the newest checkpoint's, otherwise the untrained one. */
async function openState(input: StageInput, model: ModelBody<unknown>, shape: PairShape) {
  const { context, pipeline } = input;
  const { folder } = context;
  const initial = initialParameters(input, model, shape);
  const layout = layoutOf(initial);
  const step = checkpoints.newest(folder);
  const read: StateTensors =
    step === undefined ? { buckets: startOf(pack(initial, layout)) } : await checkpoints.read(folder, step, layout);
  if (pipeline.precision === "float32") return { layout, resumed: step, state: read };
  const { buckets, lossScale = { scale: scalar(firstScale), good: scalar(0) } } = read;
  return { layout, resumed: step, state: { buckets, lossScale } };
}

/** Trains the model on `clips` and leaves its final state in `context.folder`; goes on from the newest checkpoint there. */
export async function train(input: StageInput, clips: readonly Clip[], shape: PairShape) {
  const { pipeline, context } = input;
  const { train: options, seed } = pipeline;
  const { folder, signal } = context;
  const schedule = schedules[pipeline.diffusion.schedule](pipeline.diffusion.steps);
  const model: ModelBody<unknown> = await input.component("models", pipeline.model.use);
  const opened = await openState(input, model, shape);
  const { layout, resumed } = opened;
  let state = opened.state;

  const losses = await Promise.all(
    options.losses.map(async (entry, i) => {
      const body: LossBody<unknown> = await input.component("losses", entry.use);
      const repeated = options.losses.filter(({ use }) => use === entry.use).length > 1;
      return { name: repeated ? `${entry.use}.${i}` : entry.use, used: entry, body, entry };
    }),
  );
  const negative = await negativeDrawer(input, clips);
  context.log(`${layout.size.toLocaleString("en")} parameters, ${clips.length} clips`);
  context.log(describeLosses(losses));

  if (resumed !== undefined) context.log(`goes on from step ${resumed}`);
  let step = resumed ?? 0;
  const curves = new CurveWriter(folder, step);

  const programs = new Map<string, ReturnType<typeof trainingProgram>>();
  const programAt = (at: number) => {
    const active = losses.filter(({ entry }) => isActive(entry, at));
    const key = active.map(({ name }) => name).join(" ");
    if (active.length === 0)
      throw new CmmdError("CMMD520", `no loss is in force at step ${at}`, {
        hint: "Change `from` and `until` of train.losses so that every step has a loss.",
        exitCode: 2,
      });
    const program = programs.get(key) ?? trainingProgram(pipeline, jitOptions(input), model, layout, active);
    programs.set(key, program);
    return { program, active };
  };

  const order = clipOrder(seed, clips.length);
  let saved = Date.now();
  let skipped = { inARow: 0, all: 0 };
  const save = async () => {
    await checkpoints.save(folder, step, state, layout);
    saved = Date.now();
  };

  context.progress(step, options.steps, "steps");
  while (step < options.steps) {
    if (signal.aborted) {
      if (programs.size > 0) await save();
      throw signal.reason;
    }
    const { program, active } = programAt(step);
    const batch = drawBatch(seed, step, options.batch, clips, order, shape, schedule);
    const drawn = Object.fromEntries(
      active.map(({ name, used, body }) => [
        name,
        body.draw?.(
          used.options,
          { clips: batch.clips, pool: clips, step, shape },
          { random: (purpose, ...at) => stream(seed, `${name} ${purpose}`, step, ...at), negative },
        ) ?? {},
      ]),
    );
    const learning_rate = learningRate(options.optimizer, step);
    const { rate, epsilon, emaRate } = stepScalars(options.optimizer, options.ema, step);
    const result = await program(state, batch.tensors, drawn, {
      rate: scalar(rate),
      epsilon: scalar(epsilon),
      emaRate: scalar(emaRate),
    });
    state = result.state;
    step++;
    const log: Readonly<Record<string, DeviceTensor>> = result.log;
    const loss = await numberOf(result.log.loss);
    const gradient = Math.sqrt((await Promise.all(result.squares.map(numberOf))).reduce((a, b) => a + b));
    const overflowed = result.finite !== undefined && (await numberOf(result.finite)) === 0;
    skipped = overflowed ? { inARow: skipped.inARow + 1, all: skipped.all + 1 } : { ...skipped, inARow: 0 };
    const broken = !overflowed && !(Number.isFinite(loss) && Number.isFinite(gradient));
    if (broken || skipped.inARow > mostSkipped) {
      const last = checkpoints.newest(folder);
      throw new CmmdError(
        "CMMD521",
        `the loss became ${loss} and its gradient ${gradient} at step ${step}; ${last !== undefined ? `the checkpoint of step ${last} is kept` : "no checkpoint had been written yet"}`,
        { hint: "Lower train.optimizer.rate or a loss's weight, or add `warmup` to the optimizer, and run again." },
      );
    }
    const scale = state.lossScale && (await numberOf(state.lossScale.scale as DeviceTensor));
    if (overflowed)
      context.log(
        `step ${step} changed nothing: a gradient overflowed in float16 (${skipped.all} so far); the loss scale is now ${scale}`,
      );
    else if (step % options.log_every === 0 || step === options.steps) {
      const { loss: _, ...parts } = log;
      const row: Record<string, number> = { loss, gradient_norm: gradient, ...(scale && { loss_scale: scale }) };
      for (const [name, value] of Object.entries(parts)) row[name] = await numberOf(value);
      curves.write({ step, ...row, learning_rate });
      for (const [name, value] of Object.entries(row)) input.metric(name, value, step);
    }
    for (const value of [...result.squares, ...Object.values(log), ...(result.finite ? [result.finite] : [])])
      value.dispose();
    context.progress(step, options.steps, "steps");
    if (Date.now() - saved > options.checkpoint_every * 1000 && step < options.steps) await save();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await writeState(folder, step, state, layout);
  checkpoints.clear(folder);
  for (const program of programs.values()) program.dispose();
  return { parameters: layout.size, steps: step };
}
