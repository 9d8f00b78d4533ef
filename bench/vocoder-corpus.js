/**
 * A corpus that may be given away, to train a vocoder on and to judge it by: sound made by programs alone, nothing recorded.
 *
 *   node bench/vocoder-corpus.js FOLDER [--minutes 30] [--seed 7]
 *
 * Writes FOLDER/train, FOLDER/held-out (a tenth as long; other random numbers, sentences and voices) and FOLDER/demo (the demo's recordings of
 * the split test): mono WAV files, 16 kHz, 32-bit floating point, and prints how many seconds there are of each kind. The same version, seed and length give the same files, apart from what
 * another version of FFmpeg or espeak-ng changes. Needs `npm run build`, FFmpeg, and espeak-ng for the speech.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { stream } from "../packages/core/dist/index.js";
import { benchScene } from "../packages/plugin-media/dist/synthetic/bench/scene.js";
import { dancerScene } from "../packages/plugin-media/dist/synthetic/dancer/scene.js";
import { atPeak, rate, sounds } from "./vocoder/sounds.js";
import { held, texts, variants } from "./vocoder/speech.js";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: "string", default: "30" }, seed: { type: "string", default: "7" } },
});
const [folder] = positionals;
if (!folder) throw new Error("name the folder to write to: node bench/vocoder-corpus.js FOLDER");

const seconds = 4;
const seed = Number(flags.seed);
const pick = (random, list) => list[random.integer(list.length)];

function run(program, args, input) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { input, maxBuffer: 1 << 28 });
  if (error || status !== 0) throw new Error(`${program} failed: ${error?.message ?? stderr}`);
  return stdout;
}
const asBytes = (samples) => new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
const raw = (hertz) => ["-f", "f32le", "-ar", String(hertz), "-ac", "1"];
const quiet = ["-v", "error", "-y"];
/** 16 kHz mono samples of what FFmpeg reads by `from`. */
function decode(from, input) {
  const bytes = run("ffmpeg", [...quiet, ...from, "-i", "-", "-map", "0:a", ...raw(rate), "-"], input);
  return new Float32Array(new Uint8Array(bytes).buffer);
}

/** The demo's settings of the synthetic dataset. */
const demo = { seconds: 6, size: 64, rate: 30, variety: 0.3, distractors: 0, noise_db: -100 };
const demoClips = { seed: 7, from: 64, to: 76 };

/** The sound of a performance as its recording holds it: through AAC. */
function recorded(performance) {
  const hertz = 48_000;
  const { samples } = performance.sound(hertz);
  const aac = ["-c:a", "aac", "-b:a", "128k", "-f", "adts", "-"];
  return decode([], run("ffmpeg", [...quiet, ...raw(hertz), "-i", "-", ...aac], asBytes(samples)));
}

/** A recording of the synthetic dataset, of any settings or the demo's. */
function scene(performer, number, random) {
  const options =
    random.uniform() < 0.4
      ? { ...demo, seconds }
      : { ...demo, seconds, variety: 1, distractors: 0.15, noise_db: -50 - 40 * random.uniform() };
  return recorded(performer.perform(random.integer(2 ** 30), number, "train", options));
}

function speech(random, split) {
  const from = split === "train" ? { texts, variants } : held;
  const language = pick(random, ["en", ...Object.keys(from.texts)]);
  const voice = `${language}${pick(random, from.variants)}`;
  const settings = ["-s", String(120 + random.integer(90)), "-p", String(25 + random.integer(50))];
  const wave = run("espeak-ng", ["-v", voice, ...settings, "--stdout", pick(random, from.texts[language])]);
  return decode(["-f", "wav"], wave);
}

const kinds = {
  bench: { share: 0.3, make: (random, number) => scene(benchScene, number, random) },
  dancer: { share: 0.1, make: (random, number) => scene(dancerScene, number, random) },
  speech: { share: 0.18, make: (random, _, split) => speech(random, split) },
  music: { share: 0.12, make: (random) => sounds.music(seconds, random) },
  impacts: { share: 0.08, make: (random) => sounds.impacts(seconds, random) },
  hiss: { share: 0.05, make: (random) => sounds.hiss(seconds, random) },
  water: { share: 0.05, make: (random) => sounds.water(seconds, random) },
  glide: { share: 0.02, make: (random) => sounds.glide(seconds, random) },
  mixture: {
    share: 0.1,
    make(random, number, split) {
      const names = Object.keys(kinds).filter((name) => name !== "mixture");
      const parts = [0, 1].map(() =>
        atPeak(kinds[pick(random, names)].make(random, number, split), 0.15 + 0.3 * random.uniform()),
      );
      const [longer, shorter] = parts.toSorted((a, b) => b.length - a.length);
      return longer.map((x, i) => x + (shorter[i] ?? 0));
    },
  },
};

/** dB of full scale, white, under every sound that is trained on: the logarithm's slope in true silence would drown all else. */
const floorLevel = -72;

function write(split, name, samples) {
  const path = join(folder, split, `${name}.wav`);
  const floor = split === "train" ? 10 ** (floorLevel / 20) : 0;
  const noise = stream(seed, `vocoder corpus floor ${name}`).normal(samples.length);
  const written = samples.map((x, i) => x + floor * noise[i]);
  run("ffmpeg", [...quiet, ...raw(rate), "-i", "-", "-c:a", "pcm_f32le", "-bitexact", path], asBytes(written));
}

mkdirSync(join(folder, "demo"), { recursive: true });
for (let i = demoClips.from; i < demoClips.to; i++)
  write("demo", `demo-${i}`, recorded(benchScene.perform(demoClips.seed, i, "test", demo)));

const made = {};
for (const [split, minutes] of [
  ["train", Number(flags.minutes)],
  ["held-out", Number(flags.minutes) / 10],
]) {
  mkdirSync(join(folder, split), { recursive: true });
  for (const [kind, { share, make }] of Object.entries(kinds)) {
    let length = 0;
    for (let number = 0; length < share * minutes * 60; number++) {
      const random = stream(seed, `vocoder corpus ${split} ${kind}`, number);
      const samples = atPeak(
        make(random, number, split),
        0.95 * 10 ** (-random.uniform() * (kind === "bench" ? 0.3 : 0.9)),
      );
      write(split, `${kind}-${String(number).padStart(4, "0")}`, samples);
      length += samples.length / rate;
    }
    made[`${split}/${kind}`] = Math.round(length);
  }
}
console.log(JSON.stringify({ seconds: made, espeak: run("espeak-ng", ["--version"]).toString().trim() }));
