import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type NamedTensors, readSafetensors, writeSafetensors } from "@cmmd/core";
import { beforeAll, describe, expect, it } from "vitest";
import { cmmd, jsonLines, tinyTraining } from "./process.js";

const fixture = fileURLToPath(new URL("fixtures/vocoder-steps.safetensors", import.meta.url));
const cwd = mkdtempSync(join(tmpdir(), "cmmd-vocoder-"));
const sets = ["model", "discriminator"] as const;

/** A RIFF file of samples at 16 kHz: of 16 bits, or floating point. */
function wave(samples: ArrayLike<number>, float = false): Buffer {
  const bytes = float ? 4 : 2;
  const data = float ? Float32Array.from(samples) : Int16Array.from(samples);
  const format = (float ? 3 : 1) + 0x10000;
  const header = Buffer.alloc(44);
  header.write("RIFF", 0, "latin1");
  header.writeUInt32LE(36 + data.byteLength, 4);
  header.write("WAVEfmt ", 8, "latin1");
  for (const [at, value] of [16, format, 16000, 16000 * bytes, bytes * 0x80001].entries())
    header.writeUInt32LE(value, 16 + 4 * at);
  header.write("data", 36, "latin1");
  header.writeUInt32LE(data.byteLength, 40);
  return Buffer.concat([header, Buffer.from(data.buffer)]);
}

const partOf = (tensors: NamedTensors, prefix: string): NamedTensors =>
  Object.fromEntries(
    Object.entries(tensors).flatMap(([name, tensor]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : [],
    ),
  );

const largest = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
const norm = (values: ArrayLike<number>) => Math.hypot(...Array.from(values));

/** Runs the pipeline with these overrides; the folder of what it trained, and its output. */
async function train(...overrides: string[]) {
  const { code, out, err } = await cmmd(["run", "tiny.yaml", "--json", ...overrides], { cwd });
  expect([code, err], out).toEqual([0, ""]);
  const { key } = jsonLines(out).findLast(({ stage, key }) => stage === "train" && key) as { key: string };
  return { folder: join(cwd, ".cmmd", "store", "train", key), lines: jsonLines(out) };
}

describe("a pipeline that trains a vocoder", () => {
  let reference: NamedTensors;
  let settings: { rate: number; weights: Record<string, number> };
  beforeAll(async () => {
    const { tensors, metadata } = await readSafetensors(fixture);
    reference = tensors;
    const [sizes, mel, weights, rate, betas] = ["sizes", "mel", "weights", "rate", "betas"].map((name) =>
      JSON.parse(metadata[name]!),
    );
    settings = { rate, weights };
    const { data, shape } = tensors.sound!;
    const [count, samples] = shape as [number, number];
    mkdirSync(join(cwd, "sounds", "inside"), { recursive: true });
    for (let i = 0; i < count; i++) {
      const path = i === 0 ? `${i}.wav` : `inside/${i}.wav`;
      writeFileSync(join(cwd, "sounds", path), wave(data.subarray(i * samples, (i + 1) * samples)));
    }
    mkdirSync(join(cwd, "weights"));
    await writeSafetensors(join(cwd, "weights", "model.safetensors"), partOf(tensors, "model."));
    await writeSafetensors(join(cwd, "weights", "discriminator.model.safetensors"), partOf(tensors, "discriminator."));
    const { ngf, ratios, residual_layers } = sizes.generator;
    const { bins, window, hop } = mel;
    const pipeline = {
      cmmd: 1,
      name: "tiny",
      device: "cpu",
      data: { use: "folder", root: "sounds", holdout: 0, clip: { samples } },
      prepare: {
        audio: [
          { use: "resample", rate: mel.rate },
          { use: "mel", bins, window, hop },
        ],
      },
      vocoder: { use: "melgan", ngf, ratios, residual_layers, discriminator: sizes.discriminator },
      train: {
        steps: 2,
        batch: count,
        losses: weights,
        optimizer: { use: "adam", rate, beta1: betas[0], beta2: betas[1] },
        log_every: 1,
      },
    };
    writeFileSync(join(cwd, "tiny.yaml"), JSON.stringify(pipeline));
  });

  it("takes the steps that PyTorch takes, with sounds from a folder", async () => {
    const { folder, lines } = await train("train.from=weights");
    expect(lines.filter(({ state }) => state === "start").map(({ stage }) => stage)).toEqual([
      "prepare",
      "train",
      "report",
    ]);
    const curve = jsonLines(readFileSync(join(folder, "losses.jsonl"), "utf8"));
    for (const [step, row] of curve.entries()) {
      const names = [...Object.keys(settings.weights), "discriminator/loss"];
      const expected = reference[`losses.${step}`]!.data;
      for (const [i, name] of names.entries())
        expect(Math.abs((row[name] as number) / expected[i]! - 1), `${name} at step ${step + 1}`).toBeLessThan(1e-4);
    }
    for (const set of sets) {
      const own = (await readSafetensors(join(folder, `${set === "model" ? "" : `${set}.`}model.safetensors`))).tensors;
      const after = partOf(reference, `after.${set}.`);
      expect(Object.keys(own).sort()).toEqual(Object.keys(after).sort());
      const moments = partOf(reference, `moment.${set}.`);
      const prefix = set === "model" ? "" : `${set}.`;
      const { first } = (await readSafetensors(join(folder, `${prefix}optimizer.safetensors`))).tensors;
      let at = 0;
      for (const [name, { data }] of Object.entries(own)) {
        // The sum of decayed gradients: the moment divided by 1 - beta1.
        const sum = first!.data.subarray(at, at + data.length);
        at += data.length;
        const moment = (moments[name]!.data as Float32Array).map((value) => value * 2);
        expect(norm(Array.from(sum, (value, i) => value - moment[i]!)) / norm(moment), name).toBeLessThan(1e-3);
        expect(largest(data, after[name]!.data), name).toBeLessThan(0.02 * settings.rate);
      }
    }
  }, 300_000);

  it("takes the same steps with each batch in parts", async () => {
    const common = ["train.from=weights", "train.losses.stft=0", "train.adversarial_from=1", "train.steps=3"];
    const [whole, parted] = [await train(...common), await train(...common, "train.accumulate=2")];
    const read = ({ folder }: { folder: string }, file: string) => readSafetensors(join(folder, file));
    for (const prefix of ["", "discriminator."]) {
      const [a, b] = [
        await read(whole, `${prefix}optimizer.safetensors`),
        await read(parted, `${prefix}optimizer.safetensors`),
      ];
      const [sum, sums] = [a.tensors.first!.data, b.tensors.first!.data];
      expect(norm(sum)).toBeGreaterThan(0);
      expect(norm(Array.from(sum, (value, i) => value - sums[i]!)) / norm(sum), `${prefix}gradients`).toBeLessThan(
        1e-4,
      );
    }
    const curves = [whole, parted].map(({ folder }) => jsonLines(readFileSync(join(folder, "losses.jsonl"), "utf8")));
    for (const [step, row] of curves[0]!.entries())
      for (const [name, value] of Object.entries(row))
        expect(Math.abs((curves[1]![step]![name] as number) / (value as number) - 1), name).toBeLessThan(1e-4);
  }, 300_000);

  it("is refused where other features go in, before anything is computed", async () => {
    writeFileSync(join(cwd, "takes.yaml"), `${tinyTraining}generate: { task: v2a, vocoder: { use: melgan } }\n`);
    await train("name=other", "train.from=weights");
    const exported = await cmmd(["export", "other", "--safetensors", "voice"], { cwd });
    expect(exported.out).toBe("voice: model.safetensors, config.json\n");
    for (const [weights, code] of [
      ["runs:other", "CMMD341"],
      ["voice", "CMMD341"],
      ["runs:nothing", "CMMD561"],
    ]) {
      const { err } = await cmmd(["plan", "takes.yaml", `generate.0.vocoder.weights=${weights}`], { cwd });
      expect(err).toMatch(new RegExp(`^${code} `));
    }
  }, 300_000);

  it("goes on from a checkpoint as if it had not been interrupted, bit by bit, with two steps in a run", async () => {
    const common = [
      "train.augment=biquad",
      "train.segment=512",
      "train.adversarial_from=1",
      "data.holdout=0.5",
      "train.batch=3",
    ];
    const validated = ["train.validate.every=2", "train.validate.clips=1", "train.samples.every=4"];
    const scored = ["copy={count: 1}", "evaluate=[{use: copy-synthesis}]"];
    const whole = await train(...common, ...validated, ...scored, "train.steps=4");
    await train(...common, "name=half", "train.steps=2");
    const resumed = await train(...common, "train.steps=4", "train.from=half", "train.steps_per_run=2");
    for (const set of sets)
      for (const part of ["model", "ema", "optimizer"]) {
        const file = `${set === "model" ? "" : `${set}.`}${part}.safetensors`;
        const read = ({ folder }: { folder: string }) => readFileSync(join(folder, file));
        expect(read(resumed).equals(read(whole)), file).toBe(true);
      }
    const curve = jsonLines(readFileSync(join(whole.folder, "losses.jsonl"), "utf8"));
    expect(curve.map((row) => "adversarial" in row)).toEqual([false, true, true, true]);
    expect(curve.map((row) => "validation/mel" in row)).toEqual([false, true, false, true]);
    // The copies of the stage `copy` are those of validation.
    const score = whole.lines.find(({ name }) => name === "copies/log_mel_l1")!.value as number;
    expect(Math.abs(score / (curve[3]!["validation/mel"] as number) - 1)).toBeLessThan(1e-3);
    const samples = join(whole.folder, "samples", "step-4");
    const files = readdirSync(samples).map((name) => name.replace(/^.*_0+\./, ""));
    expect(files.sort()).toEqual(["original.wav", "png", "wav"]);
  }, 300_000);

  it("prepares what it can use of a folder, and counts the rest and what is clipped", async () => {
    const odd = join(cwd, "odd");
    mkdirSync(odd);
    const tone = (count: number, loud: number) =>
      Array.from({ length: count }, (_, i) => Math.max(-1, Math.min(1, loud * Math.sin(i / 9))));
    const whole = (values: number[]) => values.map((value) => Math.round(value * 32767));
    writeFileSync(join(odd, "clipped.wav"), wave(whole(tone(2000, 3))));
    writeFileSync(join(odd, "short.wav"), wave(whole(tone(300, 0.5))));
    writeFileSync(join(odd, "shorter.wav"), wave(whole(tone(8, 0.5))));
    writeFileSync(join(odd, "header.wav"), wave([]));
    writeFileSync(join(odd, "nan.wav"), wave([...tone(700, 0.5), Number.NaN, 0.1], true));
    writeFileSync(join(odd, "text.mp3"), "no sound");
    const data = ["data.root=odd", "data.clip={samples: 640, every: 320}"];
    const shown = await cmmd(["data", "show", "tiny.yaml", "--json", ...data], { cwd });
    // What only decoding finds, the sample that is not a number, a survey does not.
    expect(jsonLines(shown.out).at(-1)).toMatchObject({
      clips: 7,
      sheet: null,
      rejected: [{ code: "CMMD310", recordings: 2 }, { code: "CMMD301" }],
      examples: [1, 2, 3].map((i) => expect.stringMatching(new RegExp(`example-${i}\\.wav$`))),
    });
    const prepared = ["run", "tiny.yaml", "prepare", ...data];
    const { out, err, code } = await cmmd([...prepared, "data.max_rejected=0.7"], { cwd });
    expect([code, err], out).toEqual([0, ""]);
    expect(out).toContain("6 clips (6 train)");
    expect(out).toMatch(/5 of 6 clips hold clipped sound, .* remove the recordings: clipped$/m);
    for (const rejected of ["shorter", "nan", "text"]) expect(out).toMatch(new RegExp(`warning: rejected ${rejected}`));
    expect(out).toMatch(
      /rejected header: .* holds no sound: it has a header, but no samples\. Record, .* or leave it out\.$/m,
    );
    expect((await cmmd(prepared, { cwd })).err).toMatch(/^CMMD513 4 of 6 recordings were rejected/m);
    mkdirSync(join(cwd, "hush"));
    for (const name of ["a.wav", "b.wav"]) writeFileSync(join(cwd, "hush", name), wave(tone(700, 0)));
    expect((await cmmd([...prepared, "data.root=hush"], { cwd })).err).toMatch(/^CMMD514 every clip .* is silent/m);
  }, 300_000);

  it("says all that is wrong with the pipeline at once, and refuses the weights of another", async () => {
    const wrong = await cmmd(
      [
        "validate",
        "tiny.yaml",
        "train.segment=481",
        "vocoder={use: griffin-lim}",
        "train.losses={adversarial: 0, feature_matching: 0, mel: 0}",
        "train.accumulate=3",
        "precision=mixed",
        "latents=patch-pca",
      ],
      { cwd },
    );
    expect(wrong.code).toBe(2);
    for (const code of ["CMMD201", "CMMD527", "CMMD590", "CMMD591", "CMMD592"]) expect(wrong.err).toContain(code);
    const other = await cmmd(["run", "tiny.yaml", "vocoder.ngf=6", "train.from=weights"], { cwd });
    expect(other.code).toBe(1);
    expect(other.err).toContain("CMMD570");
    const ratios = await cmmd(["run", "tiny.yaml", "vocoder.ratios=[4, 2]"], { cwd });
    expect(ratios.err).toContain("CMMD595");
    const inspected = await cmmd(["negatives", "tiny.yaml", "--out", "x"], { cwd });
    expect(inspected.err).toContain("CMMD594");
  }, 300_000);
});
