import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readSafetensors, writeSafetensors } from "../data/safetensors.js";
import { readShards, type ShardRow } from "../data/shards.js";
import { stream } from "../diffusion/random.js";
import { CmmdError } from "../errors.js";
import type { VocoderPipeline } from "../pipeline/resolved.js";
import type { FeatureBody } from "../plugin/components.js";
import type { Features, Waveform } from "../plugin/media.js";
import { finiteSound } from "../sample/finite-sound.js";
import { waveFile } from "../sample/wave-file.js";
import { computingOf, jitOptions } from "./computing.js";
import { readSoundDefinition } from "./sound-definition.js";
import { spreadRows } from "./sound-rows.js";
import type { Stage, StageInput } from "./stage.js";

/** What the copies are called among what pipelines generate, and their task. */
export const copies = { name: "copies", task: "copy" } as const;

/** The sounds of a copied clip: the trained vocoder's copy, the original, and the control's copy. All are equally long. */
const sides = ["copy", "original", "control"] as const;
export type CopySide = (typeof sides)[number];

const indexFile = "index.jsonl";
const folderName = copies.name;
const waveName = (id: string, side: CopySide) => join(folderName, `${id}.${side}.wav`);
const tensorsName = (id: string) => join(folderName, `${id}.safetensors`);

/** The clips that were copied into a folder, in order. */
export const readCopied = (folder: string): string[] =>
  readFileSync(join(folder, indexFile), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => (JSON.parse(line) as { readonly id: string }).id);

/** A sound of a copied clip and its features. */
export interface CopiedSound {
  readonly waveform: Waveform;
  readonly features: Features;
  /** Path of the sound as a WAV file. */
  readonly file: string;
}

/** The sounds of a copied clip, by side. */
export async function readCopies(
  { pipeline, inputs, component }: Pick<StageInput<VocoderPipeline>, "pipeline" | "inputs" | "component">,
  id: string,
): Promise<Readonly<Record<CopySide, CopiedSound>>> {
  const folder = inputs.copy!;
  const definition = readSoundDefinition(inputs.prepare!);
  const body = (await component("transforms", pipeline.prepare.audio.at(-1)!.use)) as FeatureBody<unknown>;
  const { tensors } = await readSafetensors(join(folder, tensorsName(id)));
  const sound = (side: CopySide): CopiedSound => {
    const waveform = { rate: definition.rate, samples: tensors[side]!.data as Float32Array };
    return { waveform, features: body.compute(definition, waveform), file: join(folder, waveName(id, side)) };
  };
  return { copy: sound("copy"), original: sound("original"), control: sound("control") };
}

/** Makes sounds again with the weights that training left, weight for weight as `train.samples` does. */
async function openCopier(input: StageInput<VocoderPipeline>) {
  const [{ openVocoderParts }, { constantsOf, copyProgram }, { pack }] = await Promise.all([
    import("../train/vocoder-parts.js"),
    import("../train/vocoder-program.js"),
    import("../train/buckets.js"),
  ]);
  const { pipeline, inputs } = input;
  const parts = await openVocoderParts(input, readSoundDefinition(inputs.prepare!));
  const { tensors } = await readSafetensors(join(inputs.train!, "ema.safetensors"));
  const weights = pack(tensors, parts.layouts.model);
  const program = copyProgram(pipeline, jitOptions(input), parts);
  const constants = constantsOf(parts);
  return {
    async copy(sound: Float32Array): Promise<Float32Array> {
      const result = await program(weights, { shape: [1, sound.length], data: sound }, constants);
      const { data } = await result.made.read();
      for (const tensor of [
        result.made,
        result.features.real,
        result.features.made,
        ...Object.values(result.distances),
      ])
        tensor.dispose();
      return data as Float32Array;
    },
    dispose: () => program.dispose(),
  };
}

/** Clips, the copies that the trained vocoder makes of their features, and those of the control. */
export const copySounds: Stage<VocoderPipeline> = {
  name: "copy",
  reads: ["prepare", "train"],
  applies: ({ copy }) => copy !== undefined,
  depends: (pipeline) => ({
    copy: pipeline.copy as never,
    vocoder: pipeline.vocoder as never,
    ...computingOf(pipeline),
  }),
  components: ({ copy, vocoder, prepare }) => [vocoder, copy!.control, ...prepare.audio.slice(-1)],
  async run(input) {
    const { pipeline, context, inputs, component } = input;
    const { split, count, control } = pipeline.copy!;
    const shards = await readShards(inputs.prepare!);
    const rows = spreadRows(shards, split, count);
    if (rows.length === 0)
      throw new CmmdError("CMMD530", `copy: there is no clip in the split "${split}"`, {
        hint: "Choose another split, or change the dataset's options so that it has such clips.",
      });
    const definition = readSoundDefinition(inputs.prepare!);
    const { rate, hop } = definition;
    const body = (await component("transforms", pipeline.prepare.audio.at(-1)!.use)) as FeatureBody<unknown>;
    const copier = await openCopier(input);
    const controlled = await (await component("vocoders", control.use)).open(definition, control.options, context);
    mkdirSync(join(context.folder, folderName), { recursive: true });

    const copyClip = async ({ id, samples }: ShardRow, place: number) => {
      const whole = (await shards.tensor(id, "waveform")).data as Float32Array;
      // Without the silence that completes a short clip.
      const heard = Math.max(1, Math.floor(Number(samples) / hop)) * hop;
      const original = { rate, samples: whole.slice(0, heard) };
      const copied = { rate, samples: (await copier.copy(whole)).slice(0, heard) };
      const random = stream(pipeline.seed, "vocoder", place);
      const other = await controlled.synthesise(body.compute(definition, original), random);
      const sounds: Readonly<Record<CopySide, Waveform>> = {
        copy: finiteSound(copied, pipeline.vocoder.use, `the copy of clip ${id}`),
        original,
        control: finiteSound(other, control.use, `the copy of clip ${id}`),
      };
      for (const side of sides) writeFileSync(join(context.folder, waveName(id, side)), waveFile(sounds[side]));
      const tensors = sides.map((side) => [side, { shape: [heard], data: sounds[side].samples.slice(0, heard) }]);
      // Last: a clip that has its tensors is complete.
      await writeSafetensors(join(context.folder, tensorsName(id)), Object.fromEntries(tensors));
    };

    for (const [place, row] of rows.entries()) {
      context.signal.throwIfAborted();
      if (!existsSync(join(context.folder, tensorsName(row.id)))) await copyClip(row, place);
      context.progress(place + 1, rows.length, "clips");
    }
    await controlled.dispose();
    await copier.dispose();
    writeFileSync(join(context.folder, indexFile), rows.map(({ id }) => `${JSON.stringify({ id })}\n`).join(""));
    return { clips: rows.length };
  },
};
