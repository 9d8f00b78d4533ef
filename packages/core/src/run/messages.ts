import type { JitError } from "@cmmd/jit";
import { CmmdError, CmmdErrors, type Place } from "../errors.js";
import type { AnyPipeline, Device } from "../pipeline/resolved.js";
import type { Json } from "../plugin/components.js";
import type { StageSummary } from "../stages/stage.js";
import type { AbortFlag } from "./abort.js";
import type { RunEvent } from "./events.js";

/** What the worker thread is started with. */
export interface WorkerStart {
  /** URL of a module that exports `stages`. */
  readonly stages: string;
  /** Import specifiers of the plugins that every pipeline has. */
  readonly builtins: readonly string[];
  readonly pipeline: AnyPipeline;
  readonly device: Device;
  /** Folder in which compiled programs are kept. */
  readonly programs: string;
  /** Folder in which downloaded weights are kept. */
  readonly weights: string;
  readonly abort: AbortFlag;
}

/** One stage to compute. */
export interface StageOrder {
  readonly stage: string;
  readonly folder: string;
  /** Folders of the artifacts that it reads. */
  readonly inputs: Readonly<Record<string, string>>;
  /** What a command asks for beside the pipeline. */
  readonly options?: Json;
}

/** To the worker: a stage to compute, or a nudge to look at the abort flag. */
export type ToWorker = { readonly order: StageOrder } | { readonly abort: true };

/** From the worker. */
export type FromWorker =
  | { readonly event: RunEvent }
  /** An interrupted stage has begun to write its checkpoint. */
  | { readonly saving: true }
  | { readonly done: StageSummary }
  | { readonly interrupted: true }
  | { readonly failed: readonly FlatError[] };

/** An error as it crosses between threads, which keep only the message of a class's instances. */
export interface FlatError {
  readonly message: string;
  readonly stack: string | undefined;
  readonly cmmd?: {
    readonly code: string;
    readonly hint: string | undefined;
    readonly place: Place | undefined;
    readonly exitCode: 1 | 2 | 3;
  };
  /** Of the file system's errors. */
  readonly system?: { readonly code: string; readonly path: string | undefined };
}

function flattenOne(error: unknown): FlatError {
  if (!(error instanceof Error)) return { message: String(error), stack: undefined };
  const { message, stack } = error;
  if (error instanceof CmmdError) {
    const { code, hint, place, exitCode } = error;
    return { message, stack, cmmd: { code, hint, place, exitCode } };
  }
  // By its name: to import its class here would load the compiler where nothing is compiled.
  if (error.name === "JitError") {
    const { code, hint } = error as JitError;
    return { message, stack, cmmd: { code, hint, place: undefined, exitCode: 1 } };
  }
  const { code, path } = error as NodeJS.ErrnoException;
  return typeof code === "string" ? { message, stack, system: { code, path } } : { message, stack };
}

export function flattenError(error: unknown): FlatError[] {
  return error instanceof CmmdErrors ? error.errors.map(flattenOne) : [flattenOne(error)];
}

function restoreOne({ message, stack, cmmd, system }: FlatError): Error {
  const error = cmmd ? new CmmdError(cmmd.code, message, cmmd) : Object.assign(new Error(message), system);
  if (stack !== undefined) error.stack = stack;
  return error;
}

/** The error that `flattenError` was given; several CmmdErrors become one CmmdErrors again. */
export function restoreError(flat: readonly FlatError[]): Error {
  const errors = flat.map(restoreOne);
  const all = errors.filter((error) => error instanceof CmmdError);
  return errors.length > 1 && all.length === errors.length ? new CmmdErrors(all) : errors[0]!;
}
