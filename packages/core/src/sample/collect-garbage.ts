import { Session } from "node:inspector";
import { setImmediate } from "node:timers/promises";

/**
 * Frees what nothing refers to any more. By itself V8 lets arrays of hundreds of megabytes stand until its own heap has grown, and whether
 * that was before or after the runtime took as much again decided over the peak of the memory. Twice, as what native code held is let go of
 * between two collections.
 */
export async function collectGarbage(): Promise<void> {
  const session = new Session();
  session.connect();
  session.post("HeapProfiler.collectGarbage");
  await setImmediate();
  session.post("HeapProfiler.collectGarbage");
  session.disconnect();
}
