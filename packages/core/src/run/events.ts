/** What a stage tells the outside while it runs. Posted from the worker, rendered by the command line, printed by `--json`. */
export type RunEvent =
  | {
      readonly type: "stage";
      readonly stage: string;
      readonly state: "hit" | "start" | "done" | "failed" | "interrupted";
      readonly key: string;
      readonly seconds?: number;
      readonly reason?: string;
    }
  | {
      readonly type: "progress";
      readonly stage: string;
      readonly done: number;
      readonly total: number;
      readonly unit: string;
      readonly secondsLeft?: number;
    }
  | {
      readonly type: "metric";
      readonly stage: string;
      readonly step?: number;
      readonly name: string;
      readonly value: number;
    }
  | { readonly type: "log"; readonly stage: string; readonly level: "info" | "warn"; readonly message: string }
  | { readonly type: "artifact"; readonly stage: string; readonly name: string; readonly path: string };
