import { type Context, type EvaluationItem, type Features, type Rendition, stream, type Waveform } from "@cmmd/core";

const frames = { count: 0, height: 0, width: 0, data: new Uint8Array(0) };
const noFeatures: Features = { frames: 0, bins: 0, data: new Float32Array(0) };
const noSound: Waveform = { rate: 16000, samples: new Float32Array(0) };

interface Sound {
  readonly waveform?: Waveform;
  readonly features?: Features;
}

export const heard = ({ waveform = noSound, features = noFeatures }: Sound): Rendition => ({
  waveform: async () => waveform,
  features: async () => features,
  frames: async () => frames,
});

/** An evaluation item with the sides that a metric reads. */
export function item(
  id: string,
  events: readonly number[],
  { generated, reference }: Record<"generated" | "reference", Sound>,
): EvaluationItem {
  return { id, split: "test", events, generated: heard(generated), reference: heard(reference) };
}

/** A context that writes into `folder` and keeps its warnings. */
export function context(folder = ""): Context & { readonly warnings: string[] } {
  const warnings: string[] = [];
  return {
    signal: new AbortController().signal,
    base: folder,
    folder,
    seed: 7,
    computing: {},
    weights: (source) => Promise.resolve(`${folder}/${source}`),
    random: (purpose, ...counters) => stream(7, purpose, ...counters),
    progress: () => {},
    log: () => {},
    warn: (message) => warnings.push(message),
    warnings,
  };
}
