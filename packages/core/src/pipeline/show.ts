import { Document, isCollection, isScalar, visit } from "yaml";
import { type AnyPipeline, type ResolvedPipeline, trainsVocoder, type Used, type VocoderPipeline } from "./resolved.js";

/** A `use:` entry as it is written: the options beside the name. */
function written({ kind: _kind, use, plugin: _plugin, options, ...beside }: Used): Record<string, unknown> {
  return { use, ...options, ...beside };
}

/** `${` in a text that is to be taken as it stands. */
const literal = (text: string) => text.replaceAll("${", () => "$${");

const diffusionParts = ({ prepare, latents, model, diffusion, train, generate, evaluate }: ResolvedPipeline) => ({
  prepare: {
    codec: written(prepare.codec),
    video: prepare.video.map(written),
    audio: prepare.audio.map(written),
    keep: prepare.keep,
    shard_mb: prepare.shard_mb,
    ...(prepare.parallel !== undefined && { parallel: prepare.parallel }),
  },
  latents: written(latents),
  model: written(model),
  diffusion,
  train: { ...train, losses: train.losses.map(written) },
  generate: generate.map(({ sampler, guidance, vocoder, ...group }) => ({
    ...group,
    sampler: written(sampler),
    ...(guidance && { guidance: written(guidance) }),
    vocoder: written(vocoder),
  })),
  evaluate: evaluate.map(written),
});

const vocoderParts = ({ prepare, vocoder, train, copy, evaluate }: VocoderPipeline) => ({
  prepare: { codec: written(prepare.codec), audio: prepare.audio.map(written) },
  vocoder: written(vocoder),
  train,
  ...(copy && { copy: { ...copy, control: written(copy.control) } }),
  evaluate: evaluate.map(written),
});

/**
 * The resolved pipeline as YAML, every default written out. Parsing it gives the same resolved pipeline (with its own `path`).
 */
export function showPipeline(resolved: AnyPipeline): string {
  const { cmmd, name, plugins, seed, device, precision, engine, backend, data, report } = resolved;
  const document = new Document(
    {
      cmmd,
      name,
      plugins,
      seed,
      device,
      precision,
      engine,
      ...(backend && { backend }),
      data: written(data),
      ...(trainsVocoder(resolved) ? vocoderParts(resolved) : diffusionParts(resolved)),
      report: written(report),
    },
    { aliasDuplicateObjects: false },
  );
  visit(document, {
    Seq: (_, list) => {
      if (!list.items.some(isCollection)) list.flow = true;
    },
    Scalar: (_, scalar) => {
      if (isScalar(scalar) && typeof scalar.value === "string") scalar.value = literal(scalar.value);
    },
  });
  return document.toString({ lineWidth: 0 });
}
