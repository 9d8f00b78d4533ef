import { writeFile } from "node:fs/promises";
import { extname } from "node:path";
import type { Task } from "../pipeline/resolved.js";
import type { Frames, Waveform } from "../plugin/media.js";
import { enlargement } from "../stages/generate.js";
import type { StageInput } from "../stages/stage.js";
import type { Length } from "./input.js";
import type { Media } from "./media.js";
import { waveFile } from "./wave-file.js";

/** Pictures decoded at once. */
const framesPerRun = 32;
/** Seconds in which the sound of a file fades into that of its continuation. */
const fade = 0.05;

/** A generated clip, ready to be written. */
interface Made {
  /** Scaled latents [frames, h, w, c]. */
  readonly latents: Float32Array;
  /** Absent where the sound is a file's. */
  readonly sound?: Waveform;
}

interface FilmInput {
  readonly task: Task;
  readonly source: string | undefined;
  readonly length: Length;
  readonly picture: Pick<Frames, "height" | "width">;
}

/** `sound` with exactly `seconds` of samples: cut off, or completed with silence. */
function lasting({ rate, samples }: Waveform, seconds: number): Waveform {
  const out = new Float32Array(Math.round(seconds * rate));
  out.set(samples.subarray(0, out.length));
  return { rate, samples: out };
}

/** `before`, and from sample `at` on `after`, which fades in over the last `length` samples of what they share. */
function joined(before: Float32Array, after: Float32Array, at: number, length: number): Float32Array {
  const out = new Float32Array(Math.max(before.length, at + after.length));
  out.set(before);
  const from = before.length - length;
  for (let i = Math.max(from, at); i < at + after.length; i++) {
    const weight = Math.min((i - from + 1) / (length + 1), 1);
    out[i] = (1 - weight) * (before[i] ?? 0) + weight * after[i - at]!;
  }
  return out;
}

async function* generatedPictures(
  media: Media,
  latents: Float32Array,
  from: number,
  to: number,
  picture: FilmInput["picture"],
  all: number,
) {
  const row = latents.length / all;
  for (let at = from; at < to; at += framesPerRun) {
    const end = Math.min(at + framesPerRun, to);
    yield await media.pictures(latents.slice(at * row, end * row), end - at, picture);
  }
}

/** The pictures of a file up to frame `count`, as the network sees them. */
async function* ownPictures(media: Media, path: string, count: number) {
  for (let at = 0; at < count; at += framesPerRun) {
    const stretch = { path, start: at / media.rates.video, frames: Math.min(framesPerRun, count - at) };
    yield (await media.decode(stretch, "video")).frames;
  }
}

/**
 * Writes a generated clip: beside a file's own picture or sound, as they are there, for `v2a` and `a2v`; after the file for `extend`, at the size
 * that the network sees. A path that ends in `.wav` gets the sound alone.
 */
export async function writeFilm(
  { pipeline, context, component }: StageInput,
  media: Media,
  path: string,
  clip: Made,
  { task, source, length, picture }: FilmInput,
  framesMade: number,
): Promise<void> {
  const { use, options } = pipeline.prepare.codec;
  const codec = await component("codecs", use);
  const span = { path: source ?? "", start: 0, duration: length.seconds };
  const rate = media.rates.video;
  const made = (from: number, to: number) => generatedPictures(media, clip.latents, from, to, picture, framesMade);
  const continued = async (): Promise<Waveform> => {
    const own = (await media.decode({ path: source!, start: 0, frames: length.source }, "audio")).waveform;
    const at = Math.round(((length.source - length.known) / rate) * own.rate);
    return { rate: own.rate, samples: joined(own.samples, clip.sound!.samples, at, Math.round(fade * own.rate)) };
  };
  const sound = task === "a2v" ? span : lasting(task === "extend" ? await continued() : clip.sound!, length.seconds);
  if (extname(path).toLowerCase() === ".wav" && "samples" in sound) {
    await writeFile(path, waveFile(sound));
    return;
  }
  const frames = {
    v2a: () => span,
    a2v: () => made(0, length.frames),
    joint: () => made(0, length.frames),
    inpaint: () => made(0, length.frames),
    extend: async function* () {
      yield* ownPictures(media, source!, length.source - length.known);
      yield* made(0, length.frames);
    },
  }[task]();
  await codec.encode(path, { frames, waveform: sound, rate, scale: enlargement(picture.height) }, options, context);
}
