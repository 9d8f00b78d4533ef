import { defineDataset, definePlugin } from "@cmmd/core";
import { epicOptions, withoutLabels } from "./options.js";

const epicSounds = defineDataset({
  summary: "EPIC-SOUNDS: first-person kitchen videos of EPIC-KITCHENS with labelled sounds.",
  options: epicOptions,
  check: withoutLabels,
  load: async () => (await import("./dataset.js")).epicDataset,
});

export default definePlugin({ name: "@cmmd/plugin-epic", datasets: { "epic-sounds": epicSounds } });
