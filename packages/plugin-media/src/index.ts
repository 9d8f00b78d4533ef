import {
  defineAutoencoder,
  defineCodec,
  defineDataset,
  definePlugin,
  defineTransform,
  defineVocoder,
} from "@cmmd/core";
import { codecOptions } from "./ffmpeg/options.js";
import { folderOptions } from "./folder/options.js";
import { griffinLimOptions } from "./griffin-lim/options.js";
import { patchPcaOptions } from "./patch-pca/options.js";
import { synthetic } from "./synthetic/dataset.js";
import { centerCrop, fps, loudness, resample, resize } from "./transforms/filters.js";
import { melOptions } from "./transforms/mel-options.js";

const ffmpeg = defineCodec({
  summary: "Reads and writes media files with the FFmpeg command line.",
  options: codecOptions,
  load: async () => (await import("./ffmpeg/codec.js")).ffmpegCodec,
});

const mel = defineTransform({
  summary: "Log-mel spectrogram with MelGAN's framing and Slaney's filters.",
  options: melOptions,
  load: async () => (await import("./transforms/mel.js")).mel,
});

const folder = defineDataset({
  summary: "Any folder of video files with sound.",
  options: folderOptions,
  load: async () => (await import("./folder/dataset.js")).folderDataset,
});

const griffinLim = defineVocoder({
  summary: "Sound from log-mel spectrograms without weights: least-squares magnitudes, fast Griffin-Lim phases.",
  options: griffinLimOptions,
  load: async () => (await import("./griffin-lim/vocoder.js")).griffinLimVocoder,
});

const patchPca = defineAutoencoder({
  summary: "Principal components of picture patches, fitted to the training frames.",
  options: patchPcaOptions,
  shape: ({ patch, channels }, height, width) => [height / patch, width / patch, channels],
  load: async () => (await import("./patch-pca/autoencoder.js")).patchPcaAutoencoder,
});

export default definePlugin({
  name: "@cmmd/plugin-media",
  codecs: { ffmpeg },
  transforms: { fps, "center-crop": centerCrop, resize, resample, loudness, mel },
  datasets: { folder, synthetic },
  vocoders: { "griffin-lim": griffinLim },
  autoencoders: { "patch-pca": patchPca },
});
