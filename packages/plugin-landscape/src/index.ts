import { defineDataset, definePlugin } from "@cmmd/core";
import { landscapeOptions } from "./options.js";

const landscape = defineDataset({
  summary: "Landscape: scenes of nature with their sound.",
  options: landscapeOptions,
  load: async () => (await import("./dataset.js")).landscapeDataset,
});

export default definePlugin({ name: "@cmmd/plugin-landscape", datasets: { landscape } });
