import { mkdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { Args, Command, Flags } from "@oclif/core";

export default class Import extends Command {
  static override summary = "Read a PyTorch file (.pt, .pth) into safetensors; nothing in it is executed.";
  static override args = { file: Args.string({ required: true, description: "File that torch.save wrote." }) };
  static override flags = {
    output: Flags.string({ char: "o", required: true, helpValue: "FILE", description: "A .safetensors file." }),
    json: Flags.boolean({ description: "Print JSON lines." }),
  };
  static override examples = ["<%= config.bin %> import multi_speaker.pt -o melgan.safetensors"];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Import);
    const { importPytorch } = await import("@cmmd/core");
    const output = resolve(flags.output);
    await mkdir(dirname(output), { recursive: true });
    const { tensors, numbers, left } = await importPytorch(resolve(args.file), output);
    if (flags.json) console.log(JSON.stringify({ type: "imported", file: flags.output, tensors, numbers, left }));
    else {
      console.log(`${flags.output}: ${tensors} tensors, ${numbers.toLocaleString("en")} numbers`);
      if (left.length > 0)
        console.log(
          `left out, as they are no tensors: ${left.slice(0, 8).join(", ")}${left.length > 8 ? ` and ${left.length - 8} more` : ""}`,
        );
    }
  }
}
