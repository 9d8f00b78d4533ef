import { defineDataset, definePlugin } from "@cmmd/core";
import { audiosetOptions, vggsoundOptions } from "./options.js";

const audioset = defineDataset({
  summary: "AudioSet: segments of ten seconds of YouTube videos with labelled sounds.",
  options: audiosetOptions,
  load: async () => (await import("./audioset.js")).audiosetDataset,
});

const vggsound = defineDataset({
  summary: "VGGSound: segments of ten seconds of YouTube videos whose sound's source is in the picture.",
  options: vggsoundOptions,
  load: async () => (await import("./vggsound.js")).vggsoundDataset,
});

export default definePlugin({ name: "@cmmd/plugin-audioset", datasets: { audioset, vggsound } });
