import type { RunEvent } from "@cmmd/core";
import { type DefaultRenderer, Listr, type ListrTaskWrapper, type SimpleRenderer } from "listr2";
import type { Renderer } from "./renderer.js";
import { duration, progressText, summaryText } from "./text.js";

type Task = ListrTaskWrapper<unknown, typeof DefaultRenderer, typeof SimpleRenderer>;

/** A stage on the display: what is known of it before listr2 begins its task, and the task from then on. */
class Row {
  readonly #stage: string;
  readonly ended: Promise<void>;
  readonly #lines: string[] = [];
  #settle: (error?: Error) => void = () => undefined;
  #title: string;
  #task: Task | undefined;

  constructor(stage: string) {
    this.#stage = stage;
    this.#title = stage;
    this.ended = new Promise((resolve, reject) => {
      this.#settle = (error) => (error ? reject(error) : resolve());
    });
    // The failure is shown by listr2 when it gets there; it may not have begun the task yet.
    this.ended.catch(() => undefined);
  }

  begin(task: Task): Promise<void> {
    this.#task = task;
    task.title = this.#title;
    for (const line of this.#lines) task.output = line;
    return this.ended;
  }

  title(rest: string): void {
    this.#title = `${this.#stage}  ${rest}`;
    if (this.#task) this.#task.title = this.#title;
  }

  say(line: string): void {
    this.#lines.push(line);
    if (this.#task) this.#task.output = line;
  }

  end(error?: Error): void {
    this.#settle(error);
  }
}

function showStage(row: Row, { state, reason, seconds = 0 }: Extract<RunEvent, { type: "stage" }>): void {
  const shown: Record<typeof state, () => void> = {
    hit: () => {
      row.title("from the store");
      row.end();
    },
    start: () => row.say(reason ?? ""),
    done: () => {
      row.title(duration(seconds));
      row.end();
    },
    failed: () => row.end(new Error(`failed after ${duration(seconds)}`)),
    interrupted: () => row.end(new Error(`interrupted after ${duration(seconds)}`)),
  };
  shown[state]();
}

/** A live display of the stages that are computed, for terminals. */
export function liveRenderer(stages: readonly string[]): Renderer {
  const artifacts: Record<string, string> = {};
  const rows = new Map(stages.map((stage) => [stage, new Row(stage)]));
  const list = new Listr(
    stages.map((stage) => ({
      title: stage,
      task: (_: unknown, task: Task) => rows.get(stage)!.begin(task),
      rendererOptions: { outputBar: Number.POSITIVE_INFINITY, persistentOutput: true },
    })),
    { registerSignalListeners: false, rendererOptions: { collapseErrors: false } },
  );
  // A failed stage rejects the list; the failure itself is reported by the command.
  const shown = list.run().catch(() => undefined);
  return {
    event(event) {
      if (event.type === "artifact") artifacts[event.name] = event.path;
      const row = rows.get(event.stage);
      if (!row) return;
      if (event.type === "progress") row.title(progressText(event));
      if (event.type === "log") row.say(event.level === "warn" ? `warning: ${event.message}` : event.message);
      if (event.type === "stage") showStage(row, event);
    },
    note: (message) => {
      for (const row of rows.values()) row.say(message);
    },
    async close() {
      for (const row of rows.values()) row.end();
      await shown;
    },
    summary(result) {
      if (result.record.state === "done") console.log(summaryText(result, artifacts));
    },
  };
}
