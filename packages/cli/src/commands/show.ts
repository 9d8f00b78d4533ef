import { PipelineCommand, pipelineArgs, pipelineFlags } from "../pipeline-command.js";

export default class Show extends PipelineCommand {
  static override summary =
    "Print the pipeline with everything resolved: inheritance, overrides, environment, defaults.";
  static override strict = false;
  static override args = pipelineArgs;
  static override flags = pipelineFlags;
  static override usage = "show PIPELINE [KEY=VALUE...]";
  static override examples = ["<%= config.bin %> show pipelines/demo.yaml train.steps=100"];

  async run(): Promise<void> {
    const given = await this.parse(Show);
    const { pipeline } = await this.openWithoutStages(given);
    const { showPipeline } = await import("@cmmd/core");
    this.print(given.flags.json ? pipeline : showPipeline(pipeline).trimEnd());
  }
}
