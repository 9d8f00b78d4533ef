import { stream } from "../diffusion/random.js";
import { schedules } from "../diffusion/schedule.js";
import type { Generation } from "../pipeline/resolved.js";
import type { Clip, Modality, PairShape } from "../plugin/clips.js";
import type { Arrays, ModelBody, Pair, Predict, SamplerState } from "../plugin/components.js";
import { type NamedTensors, sizeOf } from "../plugin/tensors.js";
import { jitOptions } from "../stages/computing.js";
import { readFeatureStatistics } from "../stages/features.js";
import type { StageInput } from "../stages/stage.js";
import { stack } from "../train/batches.js";
import { boundsOf } from "./bounds.js";
import { collectGarbage } from "./collect-garbage.js";
import { conditions, partOf, type Runs, runsOf } from "./conditions.js";
import { knownSteps } from "./known.js";
import { samplingProgram } from "./program.js";
import { StandingFile } from "./standing.js";
import { blender, cut, inOnePiece, type WindowLayout } from "./windows.js";

const modalities = ["video", "audio"] as const;

/** The clean latents and normalised features that a clip is conditioned on; only what is known of them is read, and only unmoved. */
export type Condition = Pick<Clip, Modality>;

/** A clip to generate: `noiseIndex` keys its noise, so that it comes out the same in any batch. */
export interface SampleRequest {
  readonly clip: Condition;
  readonly noiseIndex: number;
}

const pairOf = <T>(of: (modality: Modality) => T): Pair<T> => ({ video: of("video"), audio: of("audio") });

/**
 * Opens a generation group for clips of `shape`, or, with a `layout`, of clips made of windows: at every step each window is denoised by
 * itself, and where windows overlap one estimate fades into the next. The returned `sample` makes one batch of clips, both modalities,
 * normalised; what is known is in the result as it was given. Nothing of it depends on which clips share a batch.
 */
export async function openSampler(
  input: StageInput,
  generation: Generation,
  weights: NamedTensors,
  shape: PairShape,
  layout: WindowLayout = inOnePiece(shape),
) {
  const { pipeline, context, component } = input;
  const schedule = schedules[pipeline.diffusion.schedule](pipeline.diffusion.steps);
  const model: ModelBody<unknown> = await component("models", pipeline.model.use);
  const sampler = await component("samplers", generation.sampler.use);
  const used = generation.guidance;
  const guidance = used && { used, body: await component("guidances", used.use) };
  const program = samplingProgram(pipeline, jitOptions(input), model, guidance);
  const { definition, rates } = readFeatureStatistics(input.inputs.prepare!);
  const given = conditions(
    knownSteps(generation, layout.whole, { video: rates.video, audio: definition.rate / definition.hop }),
    layout,
  );
  const blend = blender(layout);
  const { window } = layout;
  const bounds = boundsOf(
    pipeline,
    generation.name,
    (used && guidance?.body.advice?.(used.options)) ?? "Train longer, or try another sampler or more of its steps.",
  );
  const evaluations = sampler.evaluations(generation.sampler.options);

  const noise = (requests: readonly SampleRequest[], purpose: string, step = 0): Arrays =>
    pairOf((modality) => {
      const size = sizeOf(layout.whole[modality]);
      const out = new Float32Array(requests.length * size);
      for (const [i, { noiseIndex }] of requests.entries())
        out.set(stream(pipeline.seed, `sample ${modality} ${purpose}`, noiseIndex, step).normal(size), i * size);
      return out;
    });

  type Known = ReturnType<typeof given.ofRuns>[number];
  let opened = false;
  /** One evaluation of the network for every window of the clips `x`. */
  const evaluate = async (x: Arrays, n: number, runs: Runs, known: readonly Known[]) => {
    const windows = pairOf((modality) => cut(x[modality], modality, layout));
    const inRuns = () => pairOf((modality) => new Float32Array(runs.items * sizeOf(window[modality])));
    const gathered = runs.count === 1 ? undefined : { x0: inRuns(), eps: inRuns() };
    let last: Record<"x0" | "eps", Record<Modality, Float32Array>> | undefined = gathered;
    for (let run = 0; run < runs.count; run++) {
      context.signal.throwIfAborted();
      const inputs = {
        video: partOf(windows.video, runs, run, window.video),
        audio: partOf(windows.audio, runs, run, window.audio),
        n: { shape: [runs.perRun], data: new Float32Array(runs.perRun).fill(n) },
        alphaBar: { shape: [], data: Float32Array.of(schedule.alphaBar(n)) },
        ...(given.known.length > 0 && { known: known[run]! }),
      };
      if (!opened) {
        await program.prepare(weights, inputs);
        // What was computed of the weights, as large as they are, now is in the program.
        await collectGarbage();
        opened = true;
      }
      const result = await program(weights, inputs);
      const read = async (kind: "x0" | "eps") => {
        const [video, audio] = await Promise.all(modalities.map((modality) => result[kind][modality].read()));
        for (const modality of modalities) result[kind][modality].dispose();
        return { video: video!.data as Float32Array, audio: audio!.data as Float32Array };
      };
      const estimates = { x0: await read("x0"), eps: await read("eps") };
      for (const kind of gathered ? (["x0", "eps"] as const) : [])
        for (const modality of modalities)
          gathered![kind][modality].set(estimates[kind][modality], runs.first(run) * sizeOf(window[modality]));
      last = gathered ?? estimates;
      await new Promise((resolve) => setImmediate(resolve));
    }
    const whole = (kind: "x0" | "eps") => pairOf((modality) => blend(last![kind][modality], modality));
    return { x0: whole("x0"), eps: whole("eps") };
  };

  return {
    evaluations,
    /** `keep` is a file for where an interrupted call stands; a later call with the same requests goes on from there. */
    async sample(requests: readonly SampleRequest[], evaluated: (k: number) => void, keep?: string): Promise<Arrays> {
      const clean: Partial<Arrays> = Object.fromEntries(
        given.known.map((modality) => {
          const rows = requests.map(({ clip }) => clip[modality](0));
          return [modality, stack(rows, layout.whole[modality]).data];
        }),
      );
      const runs = runsOf(requests.length * layout.starts.length, Math.max(requests.length, generation.batch));
      const known = given.ofRuns(clean, noise(requests, "condition"), runs);
      const start = noise(requests, "start");
      const standing = new StandingFile(keep);
      const from = await standing.read(start);
      if (from) context.log(`goes on from evaluation ${from.evaluated} of ${evaluations}`);
      let k = from?.evaluated ?? 0;
      evaluated(k);
      const predict: Predict = async (x, n) => {
        await standing.writeIfDue();
        const where = `evaluation ${++k} of ${evaluations} (diffusion step ${n})`;
        // What the sampler makes of known values is never used, and may be of any size.
        bounds.check(given.over(x, clean), where);
        const estimates = await evaluate(x, n, runs, known);
        bounds.checkEstimate(given.over(estimates.x0, clean), schedule.alphaBar(n), where);
        return estimates;
      };
      const tools = {
        schedule,
        noise: (step: number) => noise(requests, "step", step),
        evaluated,
        from: from?.state,
        stands: (state: SamplerState) => standing.stands(state, k),
        signal: context.signal,
      };
      const result = await sampler
        .sample(generation.sampler.options, predict, start, tools)
        .catch(async (error: unknown) => {
          if (context.signal.aborted) await standing.write();
          else standing.remove();
          throw error;
        });
      standing.remove();
      const finished = given.over(result, clean);
      bounds.check(finished, "the end");
      return finished;
    },
    dispose: () => program.dispose(),
  };
}
