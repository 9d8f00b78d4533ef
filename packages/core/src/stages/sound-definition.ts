import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FeatureDefinition } from "../plugin/media.js";

const fileName = "features.json";

/** Writes what the features of prepared sound are; they are computed where they are needed. */
export function writeSoundDefinition(prepared: string, definition: FeatureDefinition): void {
  writeFileSync(join(prepared, fileName), `${JSON.stringify({ definition }, null, 2)}\n`);
}

export function readSoundDefinition(prepared: string): FeatureDefinition {
  const { definition } = JSON.parse(readFileSync(join(prepared, fileName), "utf8")) as {
    readonly definition: FeatureDefinition;
  };
  return definition;
}
