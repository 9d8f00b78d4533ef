import { createInterface } from "node:readline";
import { Worker } from "node:worker_threads";
import { NativeCalls } from "@cmmd/jit/native-calls";
import { CmmdError } from "../errors.js";
import type { StageSummary } from "../stages/stage.js";
import { newAbortFlag } from "./abort.js";
import type { RunEvent } from "./events.js";
import { type FromWorker, restoreError, type StageOrder, type WorkerStart } from "./messages.js";

/** How a stage ended in the worker thread. */
export type Outcome =
  | { readonly state: "done"; readonly summary: StageSummary }
  | { readonly state: "interrupted" }
  | { readonly state: "failed"; readonly error: Error };

/** Milliseconds that an interrupted stage has to begin its checkpoint, and to end it where it is small; the whole command must end within two seconds. */
const graceMs = 1500;
/** Milliseconds that a checkpoint may take which is being written: gigabytes, on a slow disk. */
const savingMs = 120_000;
/** Milliseconds after that for a call into the runtime to return. */
const returnMs = 300;

function crash(error: NodeJS.ErrnoException): Error {
  if (error.code !== "ERR_WORKER_OUT_OF_MEMORY") return error;
  return new CmmdError("CMMD430", "the stage ran out of JavaScript memory", {
    hint: "Use smaller batches or clips, or raise the limit: NODE_OPTIONS=--max-old-space-size=8192 (megabytes).",
  });
}

/** The thread in which the stages of one run are computed; started with the first of them. */
export class StageThread {
  readonly #start: Omit<WorkerStart, "abort">;
  readonly #signal: AbortSignal;
  readonly #emit: (event: RunEvent) => void;
  readonly #flag = newAbortFlag();
  #worker: Worker | undefined;
  #calls = new NativeCalls();
  #stuck = false;
  #stage = "";

  constructor(start: Omit<WorkerStart, "abort">, signal: AbortSignal, emit: (event: RunEvent) => void) {
    this.#start = start;
    this.#signal = signal;
    this.#emit = emit;
  }

  #open(): Worker {
    const workerData: WorkerStart = { ...this.#start, abort: this.#flag };
    this.#calls = new NativeCalls();
    this.#calls.announce();
    const worker = new Worker(new URL("./worker.js", import.meta.url), { workerData, stdout: true, stderr: true });
    // What libraries print would get between the lines of events, or tear a live display.
    for (const stream of [worker.stdout, worker.stderr])
      createInterface({ input: stream }).on("line", (message) =>
        this.#emit({ type: "log", stage: this.#stage, level: "info", message }),
      );
    // Between two stages nobody waits for the thread: the next one starts a new thread.
    worker.on("error", () => undefined);
    worker.on("exit", () => {
      if (this.#worker === worker) this.#worker = undefined;
    });
    return worker;
  }

  /** Computes one stage. On abort the stage has a moment to write its checkpoint; then the thread is ended, which harms nothing. */
  compute(order: StageOrder): Promise<Outcome> {
    this.#stage = order.stage;
    this.#worker ??= this.#open();
    const worker = this.#worker;
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      const end = (outcome: Outcome) => {
        clearTimeout(timer);
        this.#signal.removeEventListener("abort", interrupt);
        worker.off("message", hear).off("error", fail).off("exit", leave);
        resolve(outcome);
      };
      const endAfter = (ms: number) => {
        clearTimeout(timer);
        timer = setTimeout(async () => {
          worker.off("exit", leave);
          await this.close();
          end({ state: "interrupted" });
        }, ms);
      };
      const interrupt = () => {
        Atomics.store(this.#flag, 0, 1);
        worker.postMessage({ abort: true });
        endAfter(graceMs);
      };
      const hear = (message: FromWorker) => {
        if ("event" in message) this.#emit(message.event);
        else if ("saving" in message) endAfter(savingMs);
        else if ("done" in message) end({ state: "done", summary: message.done });
        else if ("failed" in message) end({ state: "failed", error: restoreError(message.failed) });
        else end({ state: "interrupted" });
      };
      const fail = (error: Error) => end({ state: "failed", error: crash(error) });
      const leave = (code: number) => fail(new Error(`the worker thread ended unexpectedly (code ${code})`));
      worker.on("message", hear).on("error", fail).on("exit", leave);
      this.#signal.addEventListener("abort", interrupt);
      worker.postMessage({ order });
      if (this.#signal.aborted) interrupt();
    });
  }

  /** The thread is inside a long call into the runtime: it cannot be ended, nor the process but by a signal. */
  get stuck(): boolean {
    return this.#stuck;
  }

  /** Ends the thread. A call into the runtime is waited for, but not long when the user wants to stop. */
  async close(): Promise<void> {
    if (this.#worker === undefined || this.#stuck) return;
    this.#stuck = !(await this.#calls.close(this.#signal.aborted ? returnMs : Number.POSITIVE_INFINITY));
    if (!this.#stuck) await this.#worker.terminate();
  }
}
