import { resolve } from "node:path";
import { Args, Command, Flags } from "@oclif/core";
import type { Session } from "./session.js";

/** What every command that works on a pipeline takes. */
export const pipelineArgs = {
  pipeline: Args.string({ required: true, description: "Pipeline file (YAML)." }),
};
export const pipelineFlags = {
  json: Flags.boolean({ description: "Print JSON lines." }),
  device: Flags.string({ options: ["auto", "cpu", "webgpu", "cuda"], description: "Device to compute on." }),
};
export const storeFlag = {
  store: Flags.directory({ description: "Folder of the artifact store; .cmmd beside the pipeline when absent." }),
};

interface Given {
  readonly argv: readonly unknown[];
  readonly flags: { readonly device?: string | undefined; readonly store?: string | undefined };
}

/** The positional arguments: the pipeline's path, then `key=value` overrides and names of stages in any order. */
function divide({ argv, flags }: Given) {
  const [path, ...rest] = argv.map(String);
  const overrides = rest.filter((argument) => argument.includes("="));
  return {
    path: resolve(path!),
    overrides: flags.device === undefined ? overrides : [...overrides, `device=${flags.device}`],
    wanted: rest.filter((argument) => !argument.includes("=")),
  };
}

/** A command on a pipeline. Everything heavy is imported when it runs, so that help stays quick. */
export abstract class PipelineCommand extends Command {
  /** Reads and validates the pipeline. Throws CmmdErrors with everything that is wrong with it. */
  protected async open(given: Given): Promise<Session> {
    const { openSession } = await import("./session.js");
    return openSession({ ...divide(given), store: given.flags.store });
  }

  /** As `open`, for commands that take no stages. */
  protected async openWithoutStages(given: Given): Promise<Session> {
    const session = await this.open(given);
    const [unexpected] = session.wanted;
    if (unexpected !== undefined)
      this.error(`Unexpected argument: ${unexpected} (overrides are key=value)`, { exit: 2 });
    return session;
  }

  protected print(value: unknown): void {
    console.log(typeof value === "string" ? value : JSON.stringify(value));
  }
}
