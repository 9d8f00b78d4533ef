import { PipelineCommand, pipelineArgs, pipelineFlags, storeFlag } from "../pipeline-command.js";
import { rendererOf } from "../render/choose.js";

export default class Run extends PipelineCommand {
  static override summary = "Bring a pipeline up to date: computes what changed, takes the rest from the store.";
  static override strict = false;
  static override args = pipelineArgs;
  static override flags = { ...pipelineFlags, ...storeFlag };
  static override usage = "run PIPELINE [STAGE...] [KEY=VALUE...]";
  static override examples = [
    "<%= config.bin %> run pipelines/demo.yaml",
    "<%= config.bin %> run pipelines/demo.yaml train train.steps=100",
  ];

  async run(): Promise<void> {
    const given = await this.parse(Run);
    const session = await this.open(given);
    const planned = await session.plan();
    const computed = planned.filter(({ state }) => state !== "unneeded" && state !== "hit");
    const renderer = await rendererOf(
      given.flags.json,
      computed.map(({ stage }) => stage.name),
    );
    if (session.chosen !== undefined && computed.length > 0) renderer.note(session.chosen);
    const { endBySignal, goOn, interruption } = await import("../interruption.js");
    const { signal, stop } = interruption((message) => renderer.note(message));
    const result = await session.run(planned, { signal, emit: (event) => renderer.event(event) }).finally(stop);
    await renderer.close();
    renderer.summary(result);
    if (result.record.state === "failed") throw result.error;
    if (result.record.state === "interrupted") {
      process.exitCode = 130;
      if (!given.flags.json) console.error(goOn(process.argv.slice(2)));
      if (result.stuck) endBySignal();
    }
  }
}
