import { createInterface } from "node:readline";
import { Worker } from "node:worker_threads";
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

/** Milliseconds that an interrupted stage has for its checkpoint; the whole command must end within two seconds. */
const graceMs = 1500;

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
  #stage = "";

  constructor(start: Omit<WorkerStart, "abort">, signal: AbortSignal, emit: (event: RunEvent) => void) {
    this.#start = start;
    this.#signal = signal;
    this.#emit = emit;
  }

  #open(): Worker {
    const workerData: WorkerStart = { ...this.#start, abort: this.#flag };
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
      const interrupt = () => {
        Atomics.store(this.#flag, 0, 1);
        worker.postMessage({ abort: true });
        timer = setTimeout(() => {
          void worker.terminate();
          end({ state: "interrupted" });
        }, graceMs);
      };
      const hear = (message: FromWorker) => {
        if ("event" in message) this.#emit(message.event);
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

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }
}
