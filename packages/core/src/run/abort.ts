/** One flag in memory that both threads see. */
export type AbortFlag = Int32Array<SharedArrayBuffer>;

export function newAbortFlag(): AbortFlag {
  return new Int32Array(new SharedArrayBuffer(4));
}

/** The reason with which the signals of an interrupted run are aborted. */
export class Interrupted extends Error {
  constructor() {
    super("interrupted");
    this.name = "AbortError";
  }
}

/**
 * An AbortSignal that follows a shared flag. Its `aborted` and `throwIfAborted` read the flag itself, so that a stage that checks between
 * steps is told although its thread never turned to the message that announces the abort. `check` fires the signal's listeners.
 */
export function signalOf(flag: AbortFlag): { readonly signal: AbortSignal; check(): void } {
  const controller = new AbortController();
  const { signal } = controller;
  let fired = false;
  const check = () => {
    if (fired || Atomics.load(flag, 0) === 0) return fired;
    fired = true;
    controller.abort(new Interrupted());
    return true;
  };
  Object.defineProperty(signal, "aborted", { get: check });
  Object.defineProperty(signal, "throwIfAborted", {
    value: () => {
      if (check()) throw signal.reason;
    },
  });
  return { signal, check };
}
