import { freemem, totalmem } from "node:os";
import type { Inspection, VocoderInspection } from "@cmmd/core";
import { Flags } from "@oclif/core";
import { PipelineCommand, pipelineArgs, pipelineFlags, storeFlag } from "../pipeline-command.js";
import { table } from "../render/text.js";

const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`;
const billions = (count: number) => `${(count / 1e9).toFixed(2)} G`;

export default class Inspect extends PipelineCommand {
  static override summary =
    "Show parameters, multiply-adds and memory of a pipeline's model before anything is loaded.";
  static override strict = false;
  static override args = pipelineArgs;
  static override flags = {
    ...pipelineFlags,
    ...storeFlag,
    batch: Flags.string({ default: "1,2,4,8", description: "Batch sizes to show beside the pipeline's own." }),
  };
  static override usage = "inspect PIPELINE [KEY=VALUE...]";
  static override examples = ["<%= config.bin %> inspect pipelines/demo.yaml model.channels=64 --json"];

  async run(): Promise<void> {
    const given = await this.parse(Inspect);
    const batches = given.flags.batch.split(",").map(Number);
    if (!batches.every((batch) => Number.isSafeInteger(batch) && batch > 0))
      this.error(`Expected whole numbers for --batch, such as 1,2,4, but got ${given.flags.batch}`, { exit: 2 });
    const session = await this.openWithoutStages(given);
    const facts = await session.inspect(batches, (done, total) => {
      // A terminal's line of its own, gone when all are traced.
      if (process.stderr.isTTY)
        process.stderr.write(`\r\x1b[K${done < total ? `${done}/${total} programs traced` : ""}`);
    });
    const own = [...facts.training, ...facts.generate].flatMap(({ batch, byBatch }) =>
      byBatch.filter((cost) => cost.batch === batch),
    );
    const needed = Math.max(...own.map(({ memory }) => memory));
    const machine = { total: totalmem(), free: freemem() };
    const warnings =
      needed > machine.total
        ? [`this pipeline needs about ${gigabytes(needed)} of memory, and this machine has ${gigabytes(machine.total)}`]
        : [];
    if (given.flags.json)
      return this.print({ type: "inspect", pipeline: session.pipeline.name, ...facts, machine, warnings });
    this.print(table("vocoder" in facts ? vocoderRows(facts) : modelRows(facts)));
    for (const { from, until, losses, batch, byBatch } of facts.training)
      this.print(`\ntraining steps ${from} to ${until}: ${losses.join(" + ")}\n${costs(byBatch, batch, "step")}`);
    for (const { name, sampler, guidance, evaluations, batch, byBatch } of facts.generate)
      this.print(
        `\ngenerate ${name}: ${sampler}, ${evaluations} evaluations${guidance ? `, ${guidance}` : ""}\n${costs(byBatch, batch, "evaluation")}`,
      );
    for (const warning of warnings) this.print(`\nWarning: ${warning}`);
  }
}

function modelRows({ shape, parameters, forward }: Inspection): string[][] {
  const [frames, height, width, channels] = shape.video;
  const [steps, bins] = shape.audio;
  return [
    ["parameters", parameters.toLocaleString("en")],
    ["latents of a clip", `${frames} frames of ${height}x${width}, ${channels} channels`],
    ["features of a clip", `${steps} frames of ${bins} bins`],
    ["one evaluation", `${billions(forward.multiplyAdds)} multiply-adds`],
  ];
}

function vocoderRows({ vocoder }: VocoderInspection): string[][] {
  const [samples, frames, bins] = vocoder.segment;
  return [
    ["parameters", vocoder.parameters.toLocaleString("en")],
    ["of the discriminators", vocoder.discriminators.toLocaleString("en")],
    ["a segment", `${samples} samples, ${frames} frames of ${bins} bins`],
    ["a second of sound", `${billions(vocoder.multiplyAddsPerSecond)} multiply-adds`],
  ];
}

interface Cost {
  readonly batch: number;
  readonly multiplyAdds: number;
  readonly memory: number;
}

function costs(byBatch: readonly Cost[], own: number, unit: string): string {
  return table([
    ["  batch", `multiply-adds per ${unit}`, "memory on cpu"],
    ...byBatch.map(({ batch, multiplyAdds, memory }) => [
      `  ${batch}${batch === own ? " (its own)" : ""}`,
      billions(multiplyAdds),
      gigabytes(memory),
    ]),
  ]);
}
