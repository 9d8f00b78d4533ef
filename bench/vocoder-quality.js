/**
 * How near vocoders come to sounds when they make them again from their log-mel spectrograms (copy synthesis).
 *
 *   node bench/vocoder-quality.js CORPUS [--clips FOLDER] [--weights FOLDER] [--alone griffin-lim|melgan] [--wav FOLDER]
 *
 * CORPUS is what bench/vocoder-corpus.js wrote: its held-out sounds and the demo's are used. --clips adds the sound of a folder of media files.
 * --weights names the vocoder `melgan`'s, else those that come with it. --wav keeps every original and copy to listen to. Prints one JSON line for
 * each set of sounds and vocoder, then the same as a table; smaller is better everywhere:
 *
 *   mel          mean absolute difference of the log10-mel spectrograms (the demo's: 80 bins, window 512, hop 256, 16 kHz)
 *   stft         spectral convergence + mean absolute difference of the logarithms of the magnitudes, mean of three resolutions
 *   loudness_db  mean absolute difference of the integrated loudness (ITU-R BS.1770-4) in dB, of those that are heard; what is as good as silent
 *                counts as -70 LUFS
 *
 * Needs `npm run build` and FFmpeg.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join, parse } from "node:path";
import { parseArgs } from "node:util";
import { stream } from "../packages/core/dist/index.js";
import { waveFile } from "../packages/core/dist/sample/wave-file.js";
import { griffinLimVocoder } from "../packages/plugin-media/dist/griffin-lim/vocoder.js";
import { mel } from "../packages/plugin-media/dist/transforms/mel.js";
import { melgan } from "../packages/plugin-melgan/dist/vocoder.js";
import { copyDistance } from "../packages/plugin-metrics/dist/copy-synthesis/distances.js";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    clips: { type: "string" },
    weights: { type: "string" },
    alone: { type: "string" },
    wav: { type: "string" },
  },
});
const [corpus] = positionals;
if (!corpus) throw new Error("name the folder that bench/vocoder-corpus.js wrote");

const rate = 16_000;
const definition = mel.definition({ bins: 80, window: 512, hop: 256, fmin: 0, fmax: 8000 }, rate);
const vocoders = {
  "griffin-lim": { body: griffinLimVocoder, options: { iterations: 60, momentum: 0.99 } },
  melgan: { body: melgan, options: flags.weights ? { weights: flags.weights } : {} },
};
const context = {
  computing: {},
  signal: new AbortController().signal,
  weights: async (source, file) => (existsSync(join(source, file)) ? join(source, file) : source),
  random: (purpose, ...counters) => stream(7, purpose, ...counters),
  log: (message) => console.error(message),
  warn: (message) => console.error(message),
};

/** Whole hops of 16 kHz mono sound. Undefined for a file without any. */
function read(path) {
  const args = ["-v", "error", "-i", path, "-map", "0:a:0", "-ac", "1", "-ar", String(rate), "-f", "f32le", "-"];
  const { status, stdout, error } = spawnSync("ffmpeg", args, { maxBuffer: 1 << 30 });
  if (error) throw error;
  if (status !== 0) return undefined;
  const samples = new Float32Array(new Uint8Array(stdout).buffer);
  return samples.subarray(0, samples.length - (samples.length % definition.hop));
}

const filesIn = (folder) =>
  readdirSync(folder)
    .toSorted()
    .map((name) => join(folder, name));

/** Paths by the name of the set: the kinds of the held-out sounds, the demo's sounds, each clip. */
function soundsOf() {
  const sets = {};
  const add = (set, path) => {
    sets[set] = [...(sets[set] ?? []), path];
  };
  for (const path of filesIn(join(corpus, "demo"))) add("the demo's sounds", path);
  for (const path of filesIn(join(corpus, "held-out"))) add(`held-out ${parse(path).name.split("-")[0]}`, path);
  if (flags.clips) for (const path of filesIn(flags.clips)) add(parse(path).base, path);
  return sets;
}

function distances(original, features, copy) {
  const {
    spectrum: { convergence, logMagnitude },
    loudness,
    ...distance
  } = copyDistance(
    { waveform: { rate, samples: original }, features },
    { waveform: copy, features: mel.compute(definition, copy) },
  );
  return {
    mel: distance.features,
    stft: convergence + logMagnitude,
    convergence,
    log_magnitude: logMagnitude,
    // Silence has no loudness.
    ...(loudness !== undefined && { loudness_db: loudness }),
  };
}

const names = ["mel", "stft", "convergence", "log_magnitude", "loudness_db"];
function means(items) {
  return Object.fromEntries(
    names.map((name) => {
      const values = items.flatMap((item) => item[name] ?? []);
      return [name, Number((values.reduce((a, b) => a + b, 0) / values.length).toFixed(4))];
    }),
  );
}

const rows = [];
const sets = soundsOf();
for (const [name, { body, options }] of Object.entries(vocoders)) {
  if (flags.alone && flags.alone !== name) continue;
  const vocoder = await body.open(definition, options, context);
  for (const [set, paths] of Object.entries(sets)) {
    const items = [];
    let seconds = 0;
    for (const [i, path] of paths.entries()) {
      const original = read(path);
      if (!original || original.length < 8 * definition.hop) continue;
      const features = mel.compute(definition, { rate, samples: original });
      const copy = await vocoder.synthesise(features, stream(7, "vocoder quality", i));
      items.push(distances(original, features, copy));
      seconds += original.length / rate;
      if (!flags.wav) continue;
      mkdirSync(flags.wav, { recursive: true });
      writeFileSync(join(flags.wav, `${parse(path).name}.original.wav`), waveFile({ rate, samples: original }));
      writeFileSync(join(flags.wav, `${parse(path).name}.${name}.wav`), waveFile(copy));
    }
    if (items.length === 0) continue;
    const row = { set, vocoder: name, sounds: items.length, seconds: Math.round(seconds), ...means(items) };
    rows.push(row);
    console.log(JSON.stringify(row));
  }
  await vocoder.dispose();
}

const columns = ["set", "vocoder", "mel", "stft", "loudness_db"];
const table = [
  columns,
  ...rows.toSorted((a, b) => a.set.localeCompare(b.set)).map((row) => columns.map((c) => row[c])),
];
const widths = columns.map((_, i) => Math.max(...table.map((cells) => String(cells[i]).length)));
for (const cells of table) console.log(cells.map((cell, i) => String(cell).padEnd(widths[i])).join("  "));
