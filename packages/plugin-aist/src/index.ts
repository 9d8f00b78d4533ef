import { defineDataset, definePlugin } from "@cmmd/core";
import { aistOptions } from "./options.js";

const aist = defineDataset({
  summary: "AIST++: street dances with their music, of known tempo.",
  options: aistOptions,
  load: async () => (await import("./dataset.js")).aistDataset,
});

export default definePlugin({ name: "@cmmd/plugin-aist", datasets: { aist } });
