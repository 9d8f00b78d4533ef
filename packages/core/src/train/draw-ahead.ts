import { Worker } from "node:worker_threads";
import type { AnyPipeline } from "../pipeline/resolved.js";
import { type FlatError, restoreError } from "../run/messages.js";
import type { StageInput } from "../stages/stage.js";
import { stepsPerRun } from "./runs.js";

/** What the drawing thread is started with. */
export interface DrawingStart {
  readonly builtins: readonly string[];
  readonly pipeline: AnyPipeline;
  readonly inputs: StageInput["inputs"];
}

/** From the drawing thread: what it found when it is ready, or a step's batch, or why there is none. To it: the step to draw. */
export type FromDrawing<Facts = unknown, Batch = unknown> =
  | { readonly facts: Facts }
  | { readonly step: number; readonly batch: Batch }
  | { readonly step?: number; readonly failed: readonly FlatError[] };

/** Batches that are drawn before their step begins, where runs have fewer steps. */
const leastAhead = 2;

/** The thread that reads the clips and draws the batches while the steps before them are computed. */
export interface DrawingThread<Facts, Batch> {
  /** What is known of the data: their number and sizes. */
  readonly facts: Facts;
  /** The batch of the step with 0-based index `step`; the steps after it are begun. */
  draw(step: number): Promise<Batch>;
  close(): Promise<void>;
}

/** A value that a message brings later. Nobody may be waiting yet when an error comes instead. */
class Later<T> {
  resolve!: (value: T) => void;
  reject!: (error: Error) => void;
  readonly promise = new Promise<T>((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });

  constructor() {
    this.promise.catch(() => undefined);
  }
}

/** Starts the thread. Throws what reading the clips throws, and CMMD551 when negatives cannot be made. */
export async function openDrawingThread<Facts, Batch>(
  input: StageInput<AnyPipeline>,
): Promise<DrawingThread<Facts, Batch>> {
  const { pipeline, inputs, builtins } = input;
  const ahead = Math.max(leastAhead, stepsPerRun(input));
  const workerData: DrawingStart = { builtins, pipeline, inputs };
  const worker = new Worker(new URL("./drawing-worker.js", import.meta.url), { workerData });
  const asked = new Map<number, Later<Batch>>();
  const ready = new Later<Facts>();
  const fail = (error: Error) => {
    ready.reject(error);
    for (const { reject } of asked.values()) reject(error);
  };
  worker.on("error", fail);
  worker.on("exit", (code) => fail(new Error(`the drawing thread ended unexpectedly (code ${code})`)));
  worker.on("message", (message: FromDrawing<Facts, Batch>) => {
    if ("facts" in message) ready.resolve(message.facts);
    else if ("batch" in message) asked.get(message.step)?.resolve(message.batch);
    else if (message.step === undefined) fail(restoreError(message.failed));
    else asked.get(message.step)?.reject(restoreError(message.failed));
  });
  const close = async () => {
    await worker.terminate();
  };
  const ask = (step: number) => {
    if (asked.has(step) || step >= pipeline.train.steps) return;
    asked.set(step, new Later());
    worker.postMessage(step);
  };
  try {
    const facts = await ready.promise;
    return {
      facts,
      async draw(step) {
        for (let i = 0; i <= ahead; i++) ask(step + i);
        const { promise } = asked.get(step)!;
        try {
          return await promise;
        } finally {
          asked.delete(step);
        }
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
