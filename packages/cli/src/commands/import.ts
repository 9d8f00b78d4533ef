import { resolve } from "node:path";
import { Args, Command, Flags } from "@oclif/core";

export default class Import extends Command {
  static override summary = "Read a PyTorch file (.pt, .pth) into safetensors; nothing in it is executed.";
  static override description =
    "With --vocoder the output is a folder that the vocoder takes as its weights: it holds the features that the vocoder was trained on, too. Without --features they are those of the official code, which are printed.";
  static override args = { file: Args.string({ required: true, description: "File that torch.save wrote." }) };
  static override flags = {
    output: Flags.string({
      char: "o",
      required: true,
      helpValue: "PATH",
      description: "A .safetensors file; with --vocoder a folder.",
    }),
    vocoder: Flags.string({ helpValue: "NAME", description: "The file holds weights of this vocoder, e.g. melgan." }),
    features: Flags.string({
      multiple: true,
      dependsOn: ["vocoder"],
      helpValue: "NAME=NUMBER",
      description: "What the vocoder was trained on, e.g. rate=16000, window=512, fmax=8000. May be repeated.",
    }),
    json: Flags.boolean({ description: "Print JSON lines." }),
  };
  static override examples = [
    "<%= config.bin %> import net.pt -o net.safetensors",
    "<%= config.bin %> import multi_speaker.pt --vocoder melgan -o voices/multi_speaker",
    "<%= config.bin %> import best_netG.pt --vocoder melgan --features rate=16000 --features fmax=8000 -o voices/own",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Import);
    const { vocoder, features = [], output, json } = flags;
    const { importPytorch, importVocoder } = await import("@cmmd/core");
    const [from, to] = [resolve(args.file), resolve(output)];
    if (vocoder === undefined) {
      const { tensors, numbers, left } = await importPytorch(from, to);
      if (json) return console.log(JSON.stringify({ type: "imported", file: output, tensors, numbers, left }));
      console.log(`${output}: ${tensors} tensors, ${numbers.toLocaleString("en")} numbers`);
      if (left.length > 0)
        console.log(
          `left out, as they are no tensors: ${left.slice(0, 8).join(", ")}${left.length > 8 ? ` and ${left.length - 8} more` : ""}`,
        );
      return;
    }
    const { builtins } = await import("../builtins.js");
    const { tensors, numbers, definition } = await importVocoder(from, to, { vocoder, features, builtins });
    if (json) return console.log(JSON.stringify({ type: "imported", folder: output, tensors, numbers, definition }));
    const shown = Object.entries(definition).map(([name, value]) => `${name} ${value}`);
    console.log(`${output}: ${tensors} tensors, ${numbers.toLocaleString("en")} numbers`);
    console.log(`trained on: ${shown.join(", ")}`);
    console.log(`use it: vocoder: { use: ${vocoder}, weights: ${output} }`);
  }
}
