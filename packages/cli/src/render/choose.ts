import type { Renderer } from "./renderer.js";

/** The display that fits where the output goes: JSON lines when asked for, live on a terminal, otherwise lines of text. */
export async function rendererOf(json: boolean, stages: readonly string[]): Promise<Renderer> {
  if (json) return (await import("./json.js")).jsonRenderer();
  // A live display needs lines to draw on; some terminals have no width.
  if (process.stdout.isTTY && process.stdout.columns >= 40 && !process.env.CI)
    return (await import("./live.js")).liveRenderer(stages);
  return (await import("./plain.js")).plainRenderer();
}
