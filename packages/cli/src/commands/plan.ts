import { PipelineCommand, pipelineArgs, pipelineFlags, storeFlag } from "../pipeline-command.js";
import { table } from "../render/text.js";

const states = { hit: "in the store", partial: "continue", miss: "compute", unneeded: "not needed" };

export default class Plan extends PipelineCommand {
  static override summary = "Show what a run would compute, and why; computes nothing.";
  static override strict = false;
  static override args = pipelineArgs;
  static override flags = { ...pipelineFlags, ...storeFlag };
  static override usage = "plan PIPELINE [STAGE...] [KEY=VALUE...]";
  static override examples = ["<%= config.bin %> plan pipelines/demo.yaml train.steps=100"];

  async run(): Promise<void> {
    const given = await this.parse(Plan);
    const session = await this.open(given);
    const [planned, { reasonOf }] = [await session.plan(), await import("@cmmd/core")];
    if (given.flags.json)
      for (const one of planned) {
        const { stage, state, key, changes, against } = one;
        this.print({ type: "plan", stage: stage.name, state, key, reason: reasonOf(one), against, changes });
      }
    else
      this.print(
        table(
          planned.map((one) => [
            one.stage.name,
            states[one.state],
            one.key.slice(0, 8),
            one.state === "hit" || one.state === "unneeded" ? "" : reasonOf(one),
          ]),
        ),
      );
  }
}
