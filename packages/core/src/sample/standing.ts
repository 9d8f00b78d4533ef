import { existsSync, rmSync } from "node:fs";
import { readSafetensors, writeSafetensors } from "../data/safetensors.js";
import type { Arrays, SamplerState } from "../plugin/components.js";
import type { NamedTensor } from "../plugin/tensors.js";

/** Milliseconds between writing where a sampler stands, for processes that are killed. */
const everyMs = 20_000;

/** Where sampling stands, and how many evaluations of the network that took. */
interface Standing {
  readonly state: SamplerState;
  readonly evaluated: number;
}

const tensorsOf = (name: string, { video, audio }: Arrays): Record<string, NamedTensor> => ({
  [`${name}.video`]: { shape: [video.length], data: video },
  [`${name}.audio`]: { shape: [audio.length], data: audio },
});

/** Where a sampler stands that may be interrupted: in memory after every step, in a file now and then and when it is stopped. */
export class StandingFile {
  readonly #path: string | undefined;
  #stands: Standing | undefined;
  #written: Standing | undefined;
  #time = performance.now();

  /** Without a path nothing is kept. */
  constructor(path: string | undefined) {
    this.#path = path;
  }

  /** What an interrupted call left for clips of so many values; undefined when there is nothing of use. */
  async read({ video, audio }: Arrays): Promise<Standing | undefined> {
    if (this.#path === undefined || !existsSync(this.#path)) return undefined;
    const { tensors, metadata } = await readSafetensors(this.#path);
    const arrays = (name: string) => ({
      video: tensors[`${name}.video`]!.data as Float32Array,
      audio: tensors[`${name}.audio`]!.data as Float32Array,
    });
    const x = arrays("x");
    if (x.video.length !== video.length || x.audio.length !== audio.length) return undefined;
    const before = tensors["before.video"] && { before: arrays("before") };
    this.#stands = { state: { step: Number(metadata.step), x, ...before }, evaluated: Number(metadata.evaluated) };
    this.#written = this.#stands;
    return this.#stands;
  }

  stands(state: SamplerState, evaluated: number): void {
    this.#stands = { state, evaluated };
  }

  /** Writes where the sampler stands when the last time is long ago. */
  async writeIfDue(): Promise<void> {
    if (performance.now() - this.#time > everyMs) await this.write();
  }

  /** Writes where the sampler stands. */
  async write(): Promise<void> {
    if (this.#path === undefined || this.#stands === undefined || this.#stands === this.#written) return;
    const { state, evaluated } = this.#stands;
    const tensors = { ...tensorsOf("x", state.x), ...(state.before && tensorsOf("before", state.before)) };
    await writeSafetensors(this.#path, tensors, { step: String(state.step), evaluated: String(evaluated) });
    this.#written = this.#stands;
    this.#time = performance.now();
  }

  /** Removes the file: the clips are made, or cannot be. */
  remove(): void {
    if (this.#path !== undefined) rmSync(this.#path, { force: true });
  }
}
