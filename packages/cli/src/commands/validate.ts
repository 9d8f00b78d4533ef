import { relative } from "node:path";
import { PipelineCommand, pipelineArgs, pipelineFlags } from "../pipeline-command.js";

export default class Validate extends PipelineCommand {
  static override summary = "Check a pipeline; shows all mistakes at once.";
  static override strict = false;
  static override args = pipelineArgs;
  static override flags = pipelineFlags;
  static override usage = "validate PIPELINE [KEY=VALUE...]";
  static override examples = ["<%= config.bin %> validate pipelines/demo.yaml"];

  async run(): Promise<void> {
    const given = await this.parse(Validate);
    const { pipeline } = await this.openWithoutStages(given);
    const path = relative(process.cwd(), pipeline.path);
    this.print(given.flags.json ? { type: "valid", name: pipeline.name, path: pipeline.path } : `${path} is valid`);
  }
}
