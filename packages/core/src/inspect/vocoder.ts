import { type HostTensor, jit, type tf } from "@cmmd/jit";
import type { VocoderPipeline } from "../pipeline/resolved.js";
import { sizeOf } from "../plugin/tensors.js";
import type { Registry } from "../registry/registry.js";
import { soundChain } from "../stages/sound-chain.js";
import { type Layout, parametersOf } from "../train/buckets.js";
import { openVocoderParts } from "../train/vocoder-parts.js";
import { constantsOf, vocoderProgram } from "../train/vocoder-program.js";
import type { Inspection } from "./inspect.js";
import { trainingMemory } from "./memory.js";

/** Everything about a vocoder that follows from the pipeline file alone. */
export interface VocoderInspection {
  readonly vocoder: {
    readonly parameters: number;
    readonly discriminators: number;
    /** Samples and feature frames of a segment, and bins of a frame. */
    readonly segment: readonly [samples: number, frames: number, bins: number];
    /** Of making a second of sound. */
    readonly multiplyAddsPerSecond: number;
  };
  readonly training: Inspection["training"];
  readonly generate: readonly [];
}

const zerosOf = (shape: readonly number[]): HostTensor => ({ shape, data: new Float32Array(sizeOf(shape)) });

/** Parameters, multiply-adds and memory of a vocoder's training by batch size, before anything is loaded. */
export async function inspectVocoder(
  pipeline: VocoderPipeline,
  registry: Registry,
  { batches }: { readonly batches: readonly number[] },
): Promise<VocoderInspection> {
  const component: Parameters<typeof soundChain>[0]["component"] = (kind, use) => registry.implementation(kind, use);
  const { definition } = await soundChain({ pipeline, component });
  const parts = await openVocoderParts({ pipeline, component }, definition);
  const constants = constantsOf(parts);
  const { model, discriminator } = parts.layouts;
  const { steps, batch: own, segment, losses, adversarial_from } = pipeline.train;
  const state = ({ buckets }: Layout) => ({
    buckets: buckets.map(({ shape }) => {
      const zeros = zerosOf(shape);
      return { parameters: zeros, first: zeros, second: zeros, ema: zeros };
    }),
  });
  const number = zerosOf([]);
  const scalars = { rate: number, epsilon: number, emaRate: number };
  const costOf = (adversarial: boolean, batch: number) => {
    const facts = vocoderProgram(pipeline, {}, parts, adversarial).inspect(
      { model: state(model), ...(adversarial && { discriminator: state(discriminator) }) },
      zerosOf([batch, segment]),
      { model: scalars, discriminator: scalars },
      constants,
    );
    const size = model.size + discriminator.size;
    return { batch, multiplyAdds: facts.multiplyAdds, memory: trainingMemory(facts, { ...model, size }) };
  };
  const judging = losses.adversarial > 0 || losses.feature_matching > 0 ? adversarial_from : steps;
  const phases = [
    { from: 0, until: Math.min(judging, steps), adversarial: false },
    { from: judging, until: steps, adversarial: true },
  ].filter(({ from, until }) => from < until);
  const weighted = Object.entries(losses).filter(([, weight]) => weight > 0);
  const ofDiscriminators = new Set(["adversarial", "feature_matching"]);
  const frames = segment / definition.hop;
  const generating = jit((buckets: readonly tf.Tensor[], features: tf.Tensor) =>
    parts.training.generate(pipeline.vocoder.options, parametersOf(buckets, model), features as tf.Tensor3D),
  ).inspect(
    state(model).buckets.map(({ ema }) => ema),
    zerosOf([1, frames, definition.bins]),
  );
  return {
    vocoder: {
      parameters: model.size,
      discriminators: discriminator.size,
      segment: [segment, frames, definition.bins],
      multiplyAddsPerSecond: (generating.multiplyAdds * definition.rate) / segment,
    },
    training: phases.map(({ from, until, adversarial }) => ({
      from,
      until,
      losses: weighted.flatMap(([name]) => (adversarial || !ofDiscriminators.has(name) ? [name] : [])),
      batch: own,
      byBatch: [...new Set([...batches, own])].sort((a, b) => a - b).map((batch) => costOf(adversarial, batch)),
    })),
    generate: [],
  };
}
