import { stream } from "../diffusion/random.js";
import { schedules } from "../diffusion/schedule.js";
import type { Generation } from "../pipeline/resolved.js";
import type { Clip, PairShape } from "../plugin/clips.js";
import type { Arrays, ModelBody, Predict } from "../plugin/components.js";
import type { NamedTensors } from "../plugin/tensors.js";
import { jitOptions } from "../stages/computing.js";
import type { StageInput } from "../stages/stage.js";
import { stack } from "../train/batches.js";
import { samplingProgram } from "./program.js";

const modalities = ["video", "audio"] as const;
const knownOf = { v2a: "video", a2v: "audio", joint: undefined } as const;

/** A clip to generate: `seed` keys its noise, so that it comes out the same in any batch. */
export interface SampleRequest {
  readonly clip: Clip;
  readonly noiseIndex: number;
}

/** Opens a generation group: the returned function samples one batch of clips and gives both modalities, normalised. */
export async function openSampler(input: StageInput, generation: Generation, weights: NamedTensors, shape: PairShape) {
  const { pipeline, context, component } = input;
  const schedule = schedules[pipeline.diffusion.schedule](pipeline.diffusion.steps);
  const model: ModelBody<unknown> = await component("models", pipeline.model.use);
  const sampler = await component("samplers", generation.sampler.use);
  const known = knownOf[generation.task];
  const used = generation.guidance;
  const guidance = known && used ? { used, body: await component("guidances", used.use), known } : undefined;
  const program = samplingProgram(pipeline, jitOptions(input), model, guidance);
  const sizes = { video: shape.video.reduce((a, b) => a * b), audio: shape.audio.reduce((a, b) => a * b) };

  const noise = (requests: readonly SampleRequest[], purpose: string, step = 0): Arrays => {
    const of = (modality: (typeof modalities)[number]) =>
      stack(
        requests.map(({ noiseIndex }) =>
          stream(pipeline.seed, `sample ${modality} ${purpose}`, noiseIndex, step).normal(sizes[modality]),
        ),
        shape[modality],
      ).data as Float32Array;
    return { video: of("video"), audio: of("audio") };
  };

  return {
    evaluations: sampler.evaluations(generation.sampler.options),
    async sample(requests: readonly SampleRequest[], evaluated: (k: number) => void): Promise<Arrays> {
      const batch = requests.length;
      const tensor = (data: Float32Array, modality: (typeof modalities)[number]) => ({
        shape: [batch, ...shape[modality]],
        data,
      });
      const condition = known && {
        x0: stack(
          requests.map(({ clip }) => (known === "video" ? clip.video(0) : clip.audio(0))),
          shape[known],
        ),
        noise: tensor(noise(requests, "condition")[known], known),
      };
      const predict: Predict = async (x, n) => {
        const result = await program(weights, {
          video: tensor(x.video, "video"),
          audio: tensor(x.audio, "audio"),
          n: { shape: [batch], data: new Float32Array(batch).fill(n) },
          alphaBar: { shape: [], data: Float32Array.of(schedule.alphaBar(n)) },
          ...(condition ? { known: condition } : {}),
        });
        const read = async (pair: typeof result.x0): Promise<Arrays> => {
          const [video, audio] = await Promise.all([pair.video.read(), pair.audio.read()]);
          pair.video.dispose();
          pair.audio.dispose();
          return { video: video.data as Float32Array, audio: audio.data as Float32Array };
        };
        const both = { x0: await read(result.x0), eps: await read(result.eps) };
        await new Promise((resolve) => setImmediate(resolve));
        return both;
      };
      const result = await sampler.sample(generation.sampler.options, predict, noise(requests, "start"), {
        schedule,
        noise: (k) => noise(requests, "step", k),
        evaluated,
        signal: context.signal,
      });
      return known && condition ? { ...result, [known]: condition.x0.data as Float32Array } : result;
    },
    dispose: () => program.dispose(),
  };
}
