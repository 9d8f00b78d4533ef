import { PipelineCommand, pipelineArgs, pipelineFlags, storeFlag } from "../pipeline-command.js";

/** Changes shown per stage; a list that grew by one changes every later leaf. */
const shownChanges = 20;

export default class Why extends PipelineCommand {
  static override summary = "Name what changed since the last run, stage by stage.";
  static override strict = false;
  static override args = pipelineArgs;
  static override flags = { ...pipelineFlags, ...storeFlag };
  static override usage = "why PIPELINE [STAGE...] [KEY=VALUE...]";
  static override examples = ["<%= config.bin %> why pipelines/demo.yaml"];

  async run(): Promise<void> {
    const given = await this.parse(Why);
    const session = await this.open(given);
    const [planned, { showChange }] = [await session.plan(), await import("@cmmd/core")];
    for (const { stage, state, key, changes, against } of planned) {
      const shown = changes.map(showChange);
      if (given.flags.json) {
        this.print({ type: "why", stage: stage.name, state, key, against, changes: shown });
        continue;
      }
      const fate = state === "hit" ? "its result is in the store" : "will be computed";
      if (against === "nothing") this.print(`${stage.name}: was not computed before`);
      else if (shown.length === 0)
        this.print(`${stage.name}: nothing changed${state === "hit" ? "" : ", but its result is not in the store"}`);
      else {
        const since = against === "last run" ? "the last run" : "the nearest earlier run";
        this.print(`${stage.name}: changed since ${since}; ${fate}`);
        for (const line of shown.slice(0, shownChanges)) this.print(`  ${line}`);
        if (shown.length > shownChanges) this.print(`  and ${shown.length - shownChanges} more`);
      }
    }
  }
}
