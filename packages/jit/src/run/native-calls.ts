import { getEnvironmentData, setEnvironmentData } from "node:worker_threads";
import { JitError } from "../errors.js";

/*
 * ONNX Runtime's binding ends the whole process when its thread is terminated during one of its calls. Threads therefore count their
 * calls in memory that the thread which starts them sees.
 */
const key = "@cmmd/jit native calls";
const inFlight = 0;
const closed = 1;
const pollMs = 10;

/** The calls into the runtime of a worker thread, seen from the thread that starts it and wants to end it. */
export class NativeCalls {
  readonly #cells = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));

  /** Threads started from now on count their calls here. */
  announce(): void {
    setEnvironmentData(key, this.#cells);
  }

  /** Refuses further calls (JIT306) and waits for the one in flight, at most `ms` milliseconds; whether the thread may be terminated now. */
  async close(ms: number): Promise<boolean> {
    Atomics.store(this.#cells, closed, 1);
    const deadline = performance.now() + ms;
    while (Atomics.load(this.#cells, inFlight) > 0) {
      if (performance.now() > deadline) return false;
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
    return true;
  }
}

const cells = getEnvironmentData(key) as unknown as Int32Array | undefined;

/** Makes a call into the runtime, counted where somebody may end this thread. */
export async function nativeCall<T>(call: () => Promise<T>): Promise<T> {
  if (cells === undefined) return call();
  Atomics.add(cells, inFlight, 1);
  try {
    if (Atomics.load(cells, closed) !== 0) throw new JitError("JIT306", "the thread that runs the program is ending");
    return await call();
  } finally {
    Atomics.sub(cells, inFlight, 1);
  }
}

/** The same for a call that returns at once. */
export function nativeCallSync<T>(call: () => T): T {
  if (cells === undefined) return call();
  Atomics.add(cells, inFlight, 1);
  try {
    if (Atomics.load(cells, closed) !== 0) throw new JitError("JIT306", "the thread that runs the program is ending");
    return call();
  } finally {
    Atomics.sub(cells, inFlight, 1);
  }
}
