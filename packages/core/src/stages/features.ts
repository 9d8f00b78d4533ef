import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readShards } from "../data/shards.js";
import type { FeatureDefinition } from "../plugin/media.js";

/** The affine map that gives the features zero mean and unit variance over the training clips, and what they are. */
export interface FeatureStatistics {
  readonly definition: FeatureDefinition;
  /** Frames and samples per second of the prepared clips. */
  readonly rates: { readonly video: number; readonly audio: number };
  readonly mean: number;
  readonly std: number;
}

const fileName = "features.json";

export function readFeatureStatistics(prepared: string): FeatureStatistics {
  return JSON.parse(readFileSync(join(prepared, fileName), "utf8")) as FeatureStatistics;
}

/** Measures the training clips in the shards of `folder` and writes `features.json`. */
export async function writeFeatureStatistics(
  folder: string,
  definition: FeatureDefinition,
  rates: FeatureStatistics["rates"],
): Promise<FeatureStatistics> {
  const shards = await readShards(folder);
  let count = 0;
  let sum = 0;
  let squares = 0;
  for (const { id, split } of shards.index) {
    if (split !== "train") continue;
    const { data } = await shards.tensor(id, "features");
    count += data.length;
    for (const value of data) {
      sum += value;
      squares += value * value;
    }
  }
  const mean = sum / count;
  const std = Math.sqrt(Math.max(squares / count - mean * mean, 1e-12));
  const statistics = { definition, rates, mean, std };
  writeFileSync(join(folder, fileName), `${JSON.stringify(statistics, null, 2)}\n`);
  return statistics;
}

/** Feature frames that are kept of a clip's: a multiple of 8, so that three halvings divide it; 1.8 s have 112, 3.6 s 224 of 225. */
export const keptFeatures = (frames: number) => (frames >= 8 ? frames - (frames % 8) : frames);
