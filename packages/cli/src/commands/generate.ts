import { resolve } from "node:path";
import { Command, Errors, Flags } from "@oclif/core";
import { rendererOf } from "../render/choose.js";
import { duration } from "../render/text.js";

/** What is conditioned on, each a flag: exactly one is given. */
const conditions = ["video", "audio", "joint", "extend"] as const;
const tasks = { video: "v2a", audio: "a2v", joint: "joint", extend: "extend" } as const;
const exactlyOne = { exactlyOne: [...conditions] };
const file = (description: string) => Flags.file({ helpValue: "FILE", description, ...exactlyOne });

export default class Generate extends Command {
  static override summary = "Generate clips with a trained run: sound for a video, video for a sound, or both.";
  static override description =
    "The sampler, guidance and vocoder are those of the run's own generation of the same task. Files of any length are made in windows that overlap. An interrupted command goes on with the clips that it had finished.";
  static override examples = [
    "<%= config.bin %> generate --run epic_v2a --video in.mp4 -o out.mp4",
    "<%= config.bin %> generate --run aist_a2v --audio in.wav -o out.mp4 --steps 20 --sampler dpm-solver++",
    "<%= config.bin %> generate --run demo --joint --count 4 -o clip.mp4",
    "<%= config.bin %> generate --run demo --extend in.mp4 --seconds 4 -o longer.mp4",
  ];
  static override flags = {
    run: Flags.string({
      required: true,
      description: "A pipeline's name (its newest trained run), the folder of a run, or that of a train artifact.",
    }),
    video: file("File whose picture gets a sound."),
    audio: file("File whose sound gets a picture."),
    extend: file("File that is continued, picture and sound."),
    joint: Flags.boolean({ description: "Picture and sound from nothing.", ...exactlyOne }),
    output: Flags.string({
      char: "o",
      required: true,
      helpValue: "FILE",
      description: "An .mp4 file, or a .wav file for the sound alone. Several clips are numbered.",
    }),
    png: Flags.boolean({ description: "Also write each clip's spectrogram, under its name with .png." }),
    count: Flags.integer({ default: 1, min: 1, description: "Clips to make; each has its own noise." }),
    seconds: Flags.custom<number>({ parse: async (text) => positive(text, "seconds") })({
      description:
        "Seconds to make, or with --extend to add; as long as the file, or as the clips that the run was trained on, when absent.",
    }),
    seed: Flags.integer({ min: 0, description: "The same seed gives the same clips; the run's when absent." }),
    sampler: Flags.string({ description: "Sampler instead of the run's." }),
    steps: Flags.integer({ description: "Steps of the sampler." }),
    weight: Flags.custom<number>({ parse: async (text) => positive(text, "weight", 0) })({
      description: "Weight of the guidance, which --joint has none of.",
      exclusive: ["joint"],
    }),
    device: Flags.string({ options: ["auto", "cpu", "webgpu", "cuda"], description: "Device to compute on." }),
    store: Flags.directory({
      description: "Folder of the artifact store; .cmmd or pipelines/.cmmd in this folder when absent.",
    }),
    json: Flags.boolean({ description: "Print JSON lines." }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Generate);
    const condition = conditions.find((name) => flags[name] !== undefined && flags[name] !== false)!;
    const { findTrainedRun, generateMedia } = await import("@cmmd/core");
    const { builtins } = await import("../builtins.js");
    const { endBySignal, goOn, interruption } = await import("../interruption.js");
    const stores = flags.store === undefined ? [".cmmd", "pipelines/.cmmd"] : [flags.store];
    const found = findTrainedRun(
      flags.run,
      stores.map((store) => resolve(store)),
    );
    const renderer = await rendererOf(flags.json, ["generate"]);
    const { signal, stop } = interruption((message) => renderer.note(message));
    const began = performance.now();
    const source = flags[condition];
    const { seconds, seed, sampler, steps, weight, device } = flags;
    const result = await generateMedia(found, {
      task: tasks[condition],
      ...(typeof source === "string" && { source: resolve(source) }),
      output: resolve(flags.output),
      spectrograms: flags.png,
      count: flags.count,
      ...{ seconds, seed, sampler, steps, weight, device },
      builtins,
      env: process.env,
      signal,
      emit: (event) => renderer.event(event),
    }).finally(async () => {
      stop();
      await renderer.close();
    });
    if (result.state === "interrupted") {
      process.exitCode = 130;
      if (!flags.json) console.error(goOn(process.argv.slice(2)));
      if (result.stuck) endBySignal();
      return;
    }
    const { generated } = result;
    if (flags.json)
      console.log(JSON.stringify({ type: "generated", ...generated, seed: result.seed, run: found.record.id }));
    else {
      for (const path of generated.files)
        console.log(
          `${path}: ${generated.seconds.toFixed(2)} s of run ${found.record.id}, seed ${result.seed}, in ${duration((performance.now() - began) / 1000)}`,
        );
      for (const path of generated.spectrograms ?? []) console.log(`${path}: its spectrogram`);
    }
  }
}

function positive(text: string, name: string, least = Number.MIN_VALUE): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value >= least) return value;
  const wanted = least > 0 ? "a number above 0" : `a number from ${least} up`;
  throw new Errors.CLIError(`Expected ${wanted} for --${name}, but got ${text}`);
}
