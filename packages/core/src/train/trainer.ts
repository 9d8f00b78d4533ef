import type { DeviceTensor } from "@cmmd/jit";
import { type Random, stream } from "../diffusion/random.js";
import { schedules } from "../diffusion/schedule.js";
import { CmmdError } from "../errors.js";
import type { Clip, PairShape } from "../plugin/clips.js";
import type { LossBody, ModelBody, NegativeBody, UseNegative } from "../plugin/components.js";
import type { StageInput } from "../stages/stage.js";
import { clipOrder, drawBatch } from "./batches.js";
import { checkpoints, type HostState, writeState } from "./checkpoint.js";
import { CurveWriter } from "./curve-writer.js";
import { flatten, type Layout, layoutOf } from "./flat.js";
import { stepScalars, type TrainState } from "./optimizer.js";
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

async function toHost(state: TrainState<DeviceTensor>): Promise<HostState> {
  const read = async (tensor: DeviceTensor) => (await tensor.read()).data as Float32Array;
  return {
    parameters: await read(state.parameters),
    first: await read(state.first),
    second: await read(state.second),
    ema: await read(state.ema),
  };
}

const vector = (data: Float32Array) => ({ shape: [data.length], data });
const scalar = (value: number) => ({ shape: [], data: Float32Array.of(value) });

/** The untrained parameters: a function of the seed, the model's options and the sizes. */
export function initialParameters(input: StageInput, model: ModelBody<unknown>, shape: PairShape) {
  const { pipeline } = input;
  return model.initialise(pipeline.model.options, shape, (name) => stream(pipeline.seed, `initialise ${name}`));
}

/** Trains the model on `clips` and leaves its final state in `context.folder`; goes on from the newest checkpoint there. */
export async function train(input: StageInput, clips: readonly Clip[], shape: PairShape) {
  const { pipeline, context, device } = input;
  const { train: options, seed } = pipeline;
  const { folder, signal } = context;
  const schedule = schedules[pipeline.diffusion.schedule](pipeline.diffusion.steps);
  const model: ModelBody<unknown> = await input.component("models", pipeline.model.use);
  const initial = initialParameters(input, model, shape);
  const layout: Layout = layoutOf(initial);
  const count = layout.reduce((sum, { size }) => sum + size, 0);

  const losses = await Promise.all(
    options.losses.map(async (entry, i) => {
      const body: LossBody<unknown> = await input.component("losses", entry.use);
      const repeated = options.losses.filter(({ use }) => use === entry.use).length > 1;
      return { name: repeated ? `${entry.use}.${i}` : entry.use, used: entry, body, entry };
    }),
  );
  const negative = await negativeDrawer(input, clips);
  context.log(`${count.toLocaleString("en")} parameters, ${clips.length} clips`);
  context.log(describeLosses(losses));

  const resumed = await checkpoints.newest(folder, layout);
  if (resumed) context.log(`goes on from step ${resumed.step}`);
  const start = flatten(initial, layout);
  const zeros = () => new Float32Array(count);
  const host: HostState = resumed?.state ?? { parameters: start, first: zeros(), second: zeros(), ema: start.slice() };
  let step = resumed?.step ?? 0;
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
    const program = programs.get(key) ?? trainingProgram(pipeline, device, model, layout, active);
    programs.set(key, program);
    return { program, active };
  };

  let state: Parameters<ReturnType<typeof trainingProgram>>[0] = {
    parameters: vector(host.parameters),
    first: vector(host.first),
    second: vector(host.second),
    ema: vector(host.ema),
  };
  const order = clipOrder(seed, clips.length);
  let saved = Date.now();
  const save = async () => {
    await checkpoints.save(folder, step, await toHost(state as TrainState<DeviceTensor>), layout);
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
    const { rate, correction1, correction2, emaDecay } = stepScalars(options.optimizer, options.ema, step);
    const result = await program(state, batch.tensors, drawn, {
      rate: scalar(rate),
      correction1: scalar(correction1),
      correction2: scalar(correction2),
      emaDecay: scalar(emaDecay),
    });
    state = result.state;
    step++;
    const loss = (await result.log.loss.read()).data[0]!;
    const gradient = (await result.log.gradient_norm.read()).data[0]!;
    if (!Number.isFinite(loss) || !Number.isFinite(gradient)) {
      const last = await checkpoints.newest(folder, layout);
      throw new CmmdError(
        "CMMD521",
        `the loss became ${loss} and its gradient ${gradient} at step ${step}; ${last ? `the checkpoint of step ${last.step} is kept` : "no checkpoint had been written yet"}`,
        { hint: "Lower train.optimizer.rate or a loss's weight, or add `warmup` to the optimizer, and run again." },
      );
    }
    if (step % options.log_every === 0 || step === options.steps) {
      const row: Record<string, number> = {};
      for (const [name, value] of Object.entries(result.log)) row[name] = (await value.read()).data[0]!;
      curves.write({ step, ...row, learning_rate: rate });
      for (const [name, value] of Object.entries(row)) input.metric(name, value, step);
    }
    for (const value of Object.values(result.log)) value.dispose();
    context.progress(step, options.steps, "steps");
    if (Date.now() - saved > options.checkpoint_every * 1000 && step < options.steps) await save();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await writeState(folder, step, programs.size > 0 ? await toHost(state as TrainState<DeviceTensor>) : host, layout);
  checkpoints.clear(folder);
  for (const program of programs.values()) program.dispose();
  return { parameters: count, steps: step };
}
