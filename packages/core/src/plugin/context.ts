import type { JitOptions } from "@cmmd/jit";
import type { Random } from "../diffusion/random.js";

/** What every plugin component is given beside its options. */
export interface Context {
  /** Aborted when the run is interrupted. Long work checks it between items and lets `signal.reason` propagate. */
  readonly signal: AbortSignal;
  /** Folder that relative paths in the pipeline refer to: that of the pipeline file. */
  readonly base: string;
  /** The stage's own folder in the store while it is being computed. Files in it survive an interruption. */
  readonly folder: string;
  /** The one modality that the pipeline reads; both when absent. */
  readonly only?: "audio";
  readonly seed: number;
  /** How programs are compiled on the run's device, and where they are kept: options for `jit`. */
  readonly computing: JitOptions;
  /** An independent, counter-based stream of random numbers, the same at every run: `random("noise", step, item)`. */
  random(purpose: string, ...counters: number[]): Random;
  /**
   * Path of the file that a weights source names: a path, relative to `base`; `hf://owner/repo[@revision][/file]`, which is downloaded once; or
   * `runs:pipeline[@step]`, the newest training in the store. `file` is what is taken from a folder, a repository or a training when the
   * source names no file. Throws CMMD560 to CMMD564.
   */
  weights(source: string, file: string): Promise<string>;
  /** Reports that `done` of `total` units are finished; the time left is estimated from it. */
  progress(done: number, total: number, unit: string): void;
  log(message: string): void;
  /** A message that the user should not miss; shown once per run for the same text. */
  warn(message: string): void;
}
