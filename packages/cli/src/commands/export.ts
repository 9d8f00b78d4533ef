import { resolve } from "node:path";
import { Args, Command, Flags } from "@oclif/core";

export default class Export extends Command {
  static override summary =
    "Write a trained run's sampler step as ONNX, or its weights as safetensors, for other programs.";
  static override args = {
    run: Args.string({
      required: true,
      description: "A pipeline's name (its newest trained run), the folder of a run, or that of a train artifact.",
    }),
  };
  static override flags = {
    onnx: Flags.string({ helpValue: "FILE", description: "Write one evaluation of the sampler, its weights inside." }),
    task: Flags.string({ description: "Name or task of the pipeline's generation; its first when absent." }),
    batch: Flags.integer({ default: 1, min: 1, description: "Clips per evaluation of the ONNX model." }),
    safetensors: Flags.string({ helpValue: "FOLDER", description: "Copy the weights and their config.json." }),
    store: Flags.directory({
      description: "Folder of the artifact store; .cmmd or pipelines/.cmmd in this folder when absent.",
    }),
    json: Flags.boolean({ description: "Print JSON lines." }),
  };
  static override examples = ["<%= config.bin %> export epic_v2a --onnx step.onnx --task v2a"];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Export);
    if (flags.onnx === undefined && flags.safetensors === undefined)
      this.error("Nothing to write: give --onnx FILE, --safetensors FOLDER, or both", { exit: 2 });
    const { exportOnnx, exportSafetensors, findTrainedRun } = await import("@cmmd/core");
    const { builtins } = await import("../builtins.js");
    const stores = flags.store === undefined ? [".cmmd", "pipelines/.cmmd"] : [flags.store];
    const found = findTrainedRun(
      args.run,
      stores.map((store) => resolve(store)),
    );
    if (flags.onnx !== undefined) {
      const { task, batch } = flags;
      const options = { output: resolve(flags.onnx), batch, builtins, ...(task !== undefined && { generation: task }) };
      const written = await exportOnnx(found, options);
      if (flags.json) console.log(JSON.stringify({ type: "exported", file: flags.onnx, ...written }));
      else {
        const ports = [
          ...written.inputs.map((port) => ["in", port] as const),
          ...written.outputs.map((port) => ["out", port] as const),
        ];
        const { table } = await import("../render/text.js");
        console.log(`${flags.onnx}: one evaluation of "${written.generation}", ${(written.bytes / 1e6).toFixed(1)} MB`);
        console.log(
          table(ports.map(([side, { name, dtype, shape }]) => [side, name, `${dtype} [${shape.join(", ")}]`])),
        );
      }
    }
    if (flags.safetensors !== undefined) {
      const files = await exportSafetensors(found, resolve(flags.safetensors));
      if (flags.json) console.log(JSON.stringify({ type: "exported", folder: flags.safetensors, files }));
      else console.log(`${flags.safetensors}: ${files.join(", ")}`);
    }
  }
}
