import type { RunEvent, RunResult } from "@cmmd/core";

/** Shows a run: on a terminal, as lines of text, or as JSON lines. */
export interface Renderer {
  event(event: RunEvent): void;
  /** A remark that does not come from a stage. */
  note(message: string): void;
  /** Ends the display of stages; what is printed afterwards stands below it. */
  close(): Promise<void>;
  /** What a run came to; as text only when it ended well, as the rest is said by the command. */
  summary(result: RunResult): void;
}
