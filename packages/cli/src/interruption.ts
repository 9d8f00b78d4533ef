import { Interrupted } from "@cmmd/core";

/**
 * Ends the process as Ctrl-C does where nobody listens, which shells report as exit code 130. `process.exit` would first end the worker
 * thread, and to end it inside ONNX Runtime crashes the process.
 */
export function endBySignal(): void {
  process.removeAllListeners("SIGINT");
  process.kill(process.pid, "SIGINT");
}

/** Ctrl-C as an AbortSignal: once to stop with a checkpoint, twice to end at once. */
export function interruption(note: (message: string) => void): { readonly signal: AbortSignal; stop(): void } {
  const controller = new AbortController();
  const interrupt = () => {
    if (controller.signal.aborted) {
      // A live display hides the cursor.
      if (process.stdout.isTTY) process.stdout.write("\u001b[?25h");
      endBySignal();
    }
    note("stopping with a checkpoint; Ctrl-C again ends at once");
    controller.abort(new Interrupted());
  };
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const name of signals) process.on(name, interrupt);
  return {
    signal: controller.signal,
    stop() {
      for (const name of signals) process.off(name, interrupt);
    },
  };
}

const quoted = (argument: string) =>
  /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;

/** How to continue a run that was interrupted. */
export function goOn(argv: readonly string[]): string {
  return `Interrupted. What was finished is kept; go on with: cmmd ${argv.map(quoted).join(" ")}`;
}
