import { relative, resolve } from "node:path";
import { Flags } from "@oclif/core";
import { PipelineCommand, pipelineArgs, pipelineFlags, storeFlag } from "../../pipeline-command.js";
import { rendererOf } from "../../render/choose.js";
import { surveyText } from "../../render/survey.js";

export default class DataShow extends PipelineCommand {
  static override summary = "Show what a pipeline's dataset holds, without preparing anything.";
  static override description =
    "Asks every file what it holds: clips, hours, classes, rates, sizes, and what would be rejected and why. Writes a contact sheet and three examples to play. What only decoding can tell, such as damage in the middle of a file, is not found.";
  static override strict = false;
  static override args = pipelineArgs;
  static override flags = {
    ...pipelineFlags,
    ...storeFlag,
    out: Flags.directory({ description: "Folder for the contact sheet and the examples; in the store when absent." }),
  };
  static override usage = "data show PIPELINE [KEY=VALUE...]";
  static override examples = ["<%= config.bin %> data show pipelines/epic_v2a.yaml --out look"];

  async run(): Promise<void> {
    const given = await this.parse(DataShow);
    const session = await this.openWithoutStages(given);
    const renderer = await rendererOf(given.flags.json, ["survey"]);
    const { endBySignal, interruption } = await import("../../interruption.js");
    const { signal, stop } = interruption((message) => renderer.note(message));
    const folder = given.flags.out === undefined ? undefined : resolve(given.flags.out);
    const shown = await session.survey({ folder, signal, emit: (event) => renderer.event(event) }).finally(async () => {
      stop();
      await renderer.close();
    });
    if (shown === undefined) return endBySignal();
    const path = (file: string) => {
      const short = relative(process.cwd(), file);
      return short.startsWith("..") ? file : short;
    };
    this.print(given.flags.json ? { type: "data", ...shown } : surveyText(session.pipeline.data.use, shown, path));
  }
}
