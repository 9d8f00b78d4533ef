import { resolve } from "node:path";
import type { NegativeExample, RunEvent } from "@cmmd/core";
import { Flags } from "@oclif/core";
import { PipelineCommand, pipelineArgs, pipelineFlags, storeFlag } from "../pipeline-command.js";
import { rendererOf } from "../render/choose.js";

export default class Negatives extends PipelineCommand {
  static override summary = "Render examples of a pipeline's negatives, to be watched and listened to.";
  static override description =
    "Each negative that a loss names becomes pairs of films, the training clip as it is and with the modality that is replaced, cut from the recordings; index.txt says where it comes from. Clips are prepared first where they are not.";
  static override strict = false;
  static override args = pipelineArgs;
  static override flags = {
    ...pipelineFlags,
    ...storeFlag,
    out: Flags.directory({ required: true, helpValue: "DIR", description: "Folder for the films and index.txt." }),
    count: Flags.integer({ default: 3, min: 1, max: 1000, description: "Examples of each negative." }),
  };
  static override usage = "negatives PIPELINE --out DIR [--count N] [KEY=VALUE...]";
  static override examples = ["<%= config.bin %> negatives pipelines/demo.yaml --out negatives --count 4"];

  async run(): Promise<void> {
    const given = await this.parse(Negatives);
    const { flags } = given;
    const { diffusionPipeline } = await import("@cmmd/core");
    // Before anything is prepared.
    diffusionPipeline((await this.openWithoutStages(given)).pipeline, "`negatives`");
    const session = await this.open({ ...given, argv: [...given.argv, "prepare"] });
    const planned = await session.plan();
    const missing = planned.filter(({ state }) => state !== "unneeded" && state !== "hit");
    const renderer = await rendererOf(flags.json, [...missing.map(({ stage }) => stage.name), "negatives"]);
    const { goOn, interruption } = await import("../interruption.js");
    const { signal, stop } = interruption((message) => renderer.note(message));
    const heard = { signal, emit: (event: RunEvent) => renderer.event(event) };
    try {
      if (missing.length > 0) {
        const { record, error } = await session.run(planned, heard);
        if (record.state === "failed") throw error;
      }
      if (!signal.aborted) {
        const examples = await session.negatives(planned, { folder: resolve(flags.out), count: flags.count, ...heard });
        await renderer.close();
        if (examples) return this.tell(examples, flags);
      }
      process.exitCode = 130;
      if (!flags.json) console.error(goOn(process.argv.slice(2)));
    } finally {
      stop();
      await renderer.close();
    }
  }

  private tell(examples: readonly NegativeExample[], { json, out }: { readonly json: boolean; readonly out: string }) {
    if (json) for (const example of examples) this.print({ type: "negative", ...example });
    else {
      for (const { negative, from } of examples) this.print(`${negative}: ${from.join("; ")}`);
      this.print(`${examples.length} negatives, each beside its clip, in ${out}`);
    }
  }
}
