import type { TSchema } from "@sinclair/typebox";
import type { Kind } from "../plugin/plugin.js";
import type { Registry } from "../registry/registry.js";
import { usePositions } from "./check.js";
import type { Frame } from "./frame.js";
import type { Generation, ResolvedPipeline, Used, VocoderPipeline } from "./resolved.js";
import { type Beside, besideKeys, type UseEntry } from "./use.js";
import type { SoundData, VocoderFrame } from "./vocoder-frame.js";

/** What is used when nothing is said about how the known modality steers the other. */
export const defaultGuidance = { use: "reconstruction" };

/** A checked entry as the rest of cmmd reads it: name, plugin and options apart from what the pipeline reads beside them. */
function usedEntry(kind: Kind, { use, ...rest }: UseEntry, registry: Registry): Used {
  const own = new Set(besideKeys(kind));
  const options = Object.fromEntries(Object.entries(rest).filter(([key]) => !own.has(key)));
  return { kind, use, plugin: registry.get(kind, use)!.plugin, options };
}

/** What pipelines of all kinds begin with, resolved. */
function headOf(checked: Frame | VocoderFrame, registry: Registry, plugins: readonly string[], path: string) {
  return {
    cmmd: 1 as const,
    name: checked.name,
    path,
    plugins,
    seed: checked.seed,
    device: checked.device,
    precision: checked.precision,
    engine: checked.engine,
    ...(checked.engine === "tfjs" && { backend: checked.backend ?? "tensorflow" }),
    report: usedEntry("reports", checked.report, registry),
  };
}

/** The resolved pipeline of a checked frame, in which every entry names a known component and has its defaults. */
export function resolveFrame(
  checked: Frame,
  registry: Registry,
  plugins: readonly string[],
  path: string,
): ResolvedPipeline {
  const used = (kind: Kind, entry: UseEntry) => usedEntry(kind, entry, registry);
  const data = checked.data as UseEntry & Beside<"datasets">;
  const { prepare } = checked;
  const { samples, ...train } = checked.train;
  return {
    ...headOf(checked, registry, plugins, path),
    data: {
      ...used("datasets", data),
      clip: { frames: data.clip.frames, every: data.clip.every ?? data.clip.frames, context: data.clip.context },
      max_rejected: data.max_rejected,
    },
    prepare: {
      codec: used("codecs", prepare.codec),
      video: prepare.video.map((entry) => used("transforms", entry)),
      audio: [...prepare.audio.slice(0, -1), prepare.normalise ?? [], ...prepare.audio.slice(-1)]
        .flat()
        .map((entry) => used("transforms", entry)),
      keep: prepare.keep,
      shard_mb: prepare.shard_mb,
      ...(prepare.parallel !== undefined && { parallel: prepare.parallel }),
    },
    latents: used("autoencoders", checked.latents),
    model: used("models", checked.model),
    diffusion: checked.diffusion,
    train: {
      ...train,
      losses: train.losses.map((entry) => {
        const { from, until } = entry as UseEntry & Beside<"losses">;
        return { ...used("losses", entry), from, ...(until !== undefined && { until }) };
      }),
      ...(samples && { samples: samplesOf(samples, used) }),
    },
    generate: checked.generate.map((group) => generationOf(group, train.ema, used)),
    evaluate: checked.evaluate.map((entry) => used("metrics", entry)),
  };
}

/** The same of a frame that trains a vocoder. */
export function resolveVocoderFrame(
  checked: VocoderFrame,
  registry: Registry,
  plugins: readonly string[],
  path: string,
): VocoderPipeline {
  const used = (kind: Kind, entry: UseEntry) => usedEntry(kind, entry, registry);
  const data = checked.data as UseEntry & SoundData;
  const { prepare, train, copy } = checked;
  return {
    ...headOf(checked, registry, plugins, path),
    data: {
      ...used("datasets", data),
      clip: { samples: data.clip.samples, every: data.clip.every ?? data.clip.samples },
      max_rejected: data.max_rejected,
    },
    prepare: {
      codec: used("codecs", prepare.codec),
      audio: prepare.audio.map((entry) => used("transforms", entry)),
    },
    vocoder: used("vocoders", checked.vocoder),
    train: { ...train, segment: train.segment ?? data.clip.samples },
    ...(copy && { copy: { ...copy, control: used("vocoders", copy.control) } }),
    evaluate: checked.evaluate.map((entry) => used("metrics", entry)),
  };
}

/** The generation of `train.samples`: all of its clips at once, with the averaged weights. */
function samplesOf(
  { every, count, task, split, sampler, guidance, vocoder }: NonNullable<Frame["train"]["samples"]>,
  used: (kind: Kind, entry: UseEntry) => Used,
): Generation & { readonly every: number } {
  return {
    name: "samples",
    every,
    task,
    ...(count !== undefined && { count }),
    split,
    weights: "ema",
    sampler: used("samplers", sampler),
    ...(guidance && { guidance: used("guidances", guidance) }),
    vocoder: used("vocoders", vocoder),
    batch: count ?? 2,
  };
}

function generationOf(
  group: Frame["generate"][number],
  ema: number,
  used: (kind: Kind, entry: UseEntry) => Used,
): Generation {
  const { name, task, count, split, frames, window, known, span, weights, sampler, guidance, vocoder, batch } = group;
  return {
    name: name ?? task,
    task,
    ...(count !== undefined && { count }),
    split,
    ...(frames !== undefined && { frames }),
    ...(window !== undefined && { window }),
    ...(known !== undefined && { known }),
    ...(span && { span: [span[0]!, span[1]!] as const, fill: group.fill ?? "both" }),
    weights: weights ?? (ema > 0 ? "ema" : "model"),
    sampler: used("samplers", sampler),
    ...(guidance && { guidance: used("guidances", guidance) }),
    vocoder: used("vocoders", vocoder),
    batch,
  };
}

/** A component that another one names in its options. */
export interface NestedUse {
  readonly kind: Kind;
  readonly use: string;
  readonly plugin: string;
}

/** The components that `used` names in its options, at any depth, each once: their code is part of what `used` computes. */
export function nestedUses(used: Pick<Used, "kind" | "use" | "options">, registry: Registry): readonly NestedUse[] {
  const found = new Map<string, NestedUse>();
  const visit = (schema: TSchema, options: unknown) => {
    for (const { kind, value } of usePositions(schema, options)) {
      const entry = value as UseEntry;
      const registered = registry.get(kind, entry.use);
      if (!registered) continue;
      found.set(`${kind} ${entry.use}`, { kind, use: entry.use, plugin: registered.plugin });
      visit(registered.described.options, entry);
    }
  };
  const registered = registry.get(used.kind, used.use);
  if (registered) visit(registered.described.options, used.options);
  return [...found.values()];
}
