import { dirname } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { stream } from "../diffusion/random.js";
import type { AnyPipeline } from "../pipeline/resolved.js";
import type { Context } from "../plugin/context.js";
import { loadRegistry } from "../registry/registry.js";
import { jitOptions } from "../stages/computing.js";
import type { Stage, StageInput } from "../stages/stage.js";
import { weightsFile } from "../weights/weights.js";
import { signalOf } from "./abort.js";
import { type FromWorker, flattenError, type StageOrder, type ToWorker, type WorkerStart } from "./messages.js";
import { TimeLeft } from "./progress.js";

type Described = Parameters<Stage<AnyPipeline>["applies"]>[1];

const start = workerData as WorkerStart;
const { pipeline, device, programs, weights } = start;
const port = parentPort!;
const { signal, check } = signalOf(start.abort);
const base = dirname(pipeline.path);
const post = (message: FromWorker) => port.postMessage(message);
/** Between two progress events of a stage, in milliseconds: more would only cost time. */
const progressEvery = 100;
const warned = new Set<string>();

function contextOf({ stage, folder }: StageOrder): Context {
  const timeLeft = new TimeLeft();
  let posted = Number.NEGATIVE_INFINITY;
  const say = (level: "info" | "warn", message: string) => post({ event: { type: "log", stage, level, message } });
  const progress: Context["progress"] = (done, total, unit) => {
    const now = performance.now();
    const secondsLeft = timeLeft.update(done, total, now / 1000);
    if (now - posted < progressEvery && done < total) return;
    posted = now;
    post({ event: { type: "progress", stage, done, total, unit, secondsLeft } });
  };
  const megabytes = (bytes: number) => Math.round(bytes / 1e5) / 10;
  return {
    signal,
    base,
    folder,
    seed: pipeline.seed,
    computing: jitOptions(start),
    random: (purpose, ...counters) => stream(pipeline.seed, purpose, ...counters),
    weights: (source, file) =>
      weightsFile(source, file, {
        base,
        folder: weights,
        signal,
        progress: (done, total) => progress(megabytes(done), megabytes(total), `MB of ${source}`),
      }),
    progress,
    log: (message) => say("info", message),
    warn(message) {
      if (warned.has(message)) return;
      warned.add(message);
      say("warn", message);
    },
  };
}

const ready = (async () => {
  const [registry, { stages }] = await Promise.all([
    loadRegistry({ builtins: start.builtins, plugins: pipeline.plugins, base }),
    import(start.stages) as Promise<{ stages: readonly Stage<AnyPipeline>[] }>,
  ]);
  return { registry, stages };
})();

// A failure is reported with the first stage, not as an unhandled one before it.
ready.catch(() => undefined);

async function compute(order: StageOrder): Promise<FromWorker> {
  try {
    const { registry, stages } = await ready;
    const { stage: name, inputs, options } = order;
    const input: StageInput<AnyPipeline> = {
      pipeline,
      device,
      programs,
      inputs,
      builtins: start.builtins,
      context: contextOf(order),
      ...(options !== undefined && { options }),
      component: (kind, use) => registry.implementation(kind, use),
      metric: (metric, value, step) => post({ event: { type: "metric", stage: name, name: metric, value, step } }),
      saving: () => post({ saving: true }),
      artifact: (artifact, path) => post({ event: { type: "artifact", stage: name, name: artifact, path } }),
    };
    signal.throwIfAborted();
    const described: Described = (kind, use) => registry.get(kind, use)!.described;
    const stage = stages.find((one) => one.name === name && one.applies(pipeline, described))!;
    return { done: await stage.run(input) };
  } catch (error) {
    return signal.aborted ? { interrupted: true } : { failed: flattenError(error) };
  }
}

port.on("message", async (message: ToWorker) => {
  if ("abort" in message) check();
  else post(await compute(message.order));
});
