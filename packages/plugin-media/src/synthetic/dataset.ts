import { defineDataset } from "@cmmd/core";
import { syntheticOptions } from "./options.js";

export const synthetic = defineDataset({
  summary:
    "Rendered videos whose sounds and sights coincide exactly: a tool striking an object, or a dancer on the beat.",
  options: syntheticOptions,
  renders: true,
  load: async () => (await import("./render.js")).syntheticDataset,
});
