import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { cmmd, demo, jsonLines } from "./process.js";

/** The demo with every stage, as small as it can be; checkpoints after every step. */
const tiny = `extends: ${demo}
name: tiny
device: cpu
data: { clips: { train: 3, test: 2 }, seconds: 3, size: 64 }
model: { channels: 8, groups: 4, head_dim: 8, multipliers: [1, 2] }
train:
  steps: 6
  batch: 2
  log_every: 1
  checkpoints: { every_seconds: 0.001 }
  losses: [{ use: diffusion }, { use: contrastive, from: 3, batch: 1 }]
generate:
  - { task: v2a, count: 2, batch: 1, sampler: { use: ddim, steps: 2 } }
  - { task: a2v, count: 1, sampler: { use: ddim, steps: 2 } }
  - { task: joint, count: 1, sampler: { use: ddim, steps: 2 } }
  - { task: extend, frames: 27, known: 9, count: 1, sampler: { use: ddim, steps: 2 } }
`;

const stages = ["render", "prepare", "encode", "train", "generate", "evaluate", "report"];

function folderWith(pipeline: string): string {
  const folder = mkdtempSync(join(tmpdir(), "cmmd-whole-"));
  writeFileSync(join(folder, "tiny.yaml"), pipeline);
  return folder;
}

/** SHA-256 of every file of every artifact, by path within the store. */
function hashes(folder: string): Record<string, string> {
  const store = join(folder, ".cmmd", "store");
  return Object.fromEntries(
    readdirSync(store, { recursive: true, encoding: "utf8" })
      .filter((path) => statSync(join(store, path)).isFile() && !/\.lock$/.test(path))
      .sort()
      .map((path) => [
        path,
        createHash("sha256")
          .update(readFileSync(join(store, path)))
          .digest("hex"),
      ]),
  );
}

const ran = (out: string) =>
  jsonLines(out)
    .filter(({ type, state }) => type === "stage" && state === "start")
    .map(({ stage }) => stage);

describe("a whole pipeline", () => {
  const reference = folderWith(tiny);
  beforeAll(async () => {
    const first = await cmmd(["run", "tiny.yaml", "--json"], { cwd: reference });
    expect(first.err).toBe("");
    expect(first.code).toBe(0);
    expect(ran(first.out)).toEqual(stages);
  }, 300_000);

  it("ends with weights, clips, metrics and a report", () => {
    const files = Object.keys(hashes(reference)).map((path) => path.replace(/\/[0-9a-f]{64}\//, "/"));
    for (const wanted of [
      "train/model.safetensors",
      "train/ema.safetensors",
      "train/losses.jsonl",
      "generate/index.jsonl",
      "evaluate/metrics.json",
      "report/report.html",
    ])
      expect(files).toContain(wanted);
    expect(files.filter((file) => /generate\/v2a\/.*\.generated\.mp4$/.test(file))).toHaveLength(2);
  });

  it("computes nothing when nothing changed", async () => {
    const again = await cmmd(["run", "tiny.yaml", "--json"], { cwd: reference });
    expect(again.code).toBe(0);
    expect(ran(again.out)).toEqual([]);
  });

  it("computes only what a change touches, and names the key", async () => {
    const metric = ["tiny.yaml", "evaluate.0.tolerance_ms=50"];
    expect((await cmmd(["why", ...metric], { cwd: reference })).out).toMatch(/tolerance_ms: 100 -> 50/);
    expect(ran((await cmmd(["run", ...metric, "--json"], { cwd: reference })).out)).toEqual(["evaluate", "report"]);
    const loss = await cmmd(["plan", "tiny.yaml", "train.losses.1.eta=1e-4"], { cwd: reference });
    expect(loss.out).toMatch(/^encode +in the store/m);
    expect(loss.out).toMatch(/^train +compute .*eta/m);
  });

  it("a trained run makes sound for a file outside of the pipeline, in windows, and says what it cannot", async () => {
    const rendered = join(reference, ".cmmd/store/render");
    const file = readdirSync(rendered, { recursive: true, encoding: "utf8" }).find((path) => /\.mp4$/i.test(path))!;
    const film = join(rendered, file);
    const generate = (...argv: string[]) => cmmd(["generate", ...argv, "--json"], { cwd: reference });
    const { code, out, err } = await generate(
      "--run",
      "tiny",
      "--video",
      film,
      "-o",
      "out/sound.mp4",
      "--png",
      "--seed",
      "5",
    );
    expect([code, err]).toEqual([0, ""]);
    expect(jsonLines(out).at(-1)).toMatchObject({
      type: "generated",
      seconds: expect.closeTo(3, 1),
      windows: 2,
      seed: 5,
    });
    expect(readdirSync(join(reference, "out"))).toEqual(["sound.mp4", "sound.png"]);
    expect(readdirSync(join(reference, ".cmmd/generated"))).toEqual([]);
    const exploded = await generate("--run", "tiny", "--video", film, "-o", "x.wav", "--steps", "8", "--weight", "1e9");
    expect([exploded.code, jsonLines(exploded.out).at(-1)!.code]).toEqual([1, "CMMD532"]);
    const many = await cmmd(["run", "tiny.yaml", "generate", "generate.0.count=99", "--json"], { cwd: reference });
    expect(many.out).toMatch(/CMMD538.*asks for 99 clips, but the split ."test." has \d+ for it/);
    const nothing = await generate("--run", "tinny", "--joint", "-o", "x.mp4");
    expect(jsonLines(nothing.out)).toMatchObject([{ code: "CMMD534", hint: 'Did you mean "tiny"?' }]);
  }, 120_000);

  it("killed in the middle of every stage, it goes on and leaves the same bytes", async () => {
    const folder = folderWith(tiny);
    for (const stage of stages) {
      const inside = new RegExp(`"type":"(progress|stage)","stage":"${stage}","(done":[1-9]|state":"start")`);
      const killed = await cmmd(["run", "tiny.yaml", stage, "--json"], {
        cwd: folder,
        stop: { at: inside, signal: "SIGKILL" },
      });
      expect(killed.code).toBe(null);
    }
    // Twice in training, in runs of four steps: with the first loss alone, and with both.
    const training = folderWith(tiny);
    for (const done of ["[1-4]", "[56]"]) {
      const stop = { at: new RegExp(`"stage":"train","done":${done},`), signal: "SIGKILL" } as const;
      const killed = await cmmd(["run", "tiny.yaml", "train.steps_per_run=4", "--json"], { cwd: training, stop });
      expect(killed.code).toBe(null);
    }
    const expected = hashes(reference);
    for (const cwd of [folder, training]) {
      const { code, err } = await cmmd(["run", "tiny.yaml", "--json"], { cwd });
      expect([code, err]).toEqual([0, ""]);
      const got = hashes(cwd);
      // The reference also holds the changed evaluation of the test before.
      for (const [path, hash] of Object.entries(got)) expect([path, hash]).toEqual([path, expected[path]]);
      expect(Object.keys(got).length).toBeGreaterThan(40);
    }
  }, 600_000);

  it("Ctrl-C in training leaves a checkpoint, exits with 130, and the next run goes on from it", async () => {
    const cwd = folderWith(tiny.replace("every_seconds: 0.001", "every_seconds: 3600"));
    const stopped = await cmmd(["run", "tiny.yaml", "train", "train.steps=100000", "--json"], {
      cwd,
      stop: { at: /"stage":"train","done":4,/, signal: "SIGINT" },
    });
    expect(stopped.code).toBe(130);
    const partial = readdirSync(join(cwd, ".cmmd/store/train")).find((name) => name.endsWith(".partial"))!;
    const [checkpoint] = readdirSync(join(cwd, ".cmmd/store/train", partial)).filter((name) =>
      /^checkpoint-\d+$/.test(name),
    );
    expect(Number(checkpoint!.slice(11))).toBeGreaterThanOrEqual(4);
    // Between steps again, not while the program is being opened.
    const stepped = /goes on from step \d+[\s\S]*"stage":"train","done"[\s\S]*"stage":"train","done"/;
    const next = await cmmd(["run", "tiny.yaml", "train", "train.steps=100000", "--json"], {
      cwd,
      stop: { at: stepped, signal: "SIGINT" },
    });
    expect(next.out).toContain(`goes on from step ${checkpoint!.slice(11)}`);
    expect(next.code).toBe(130);
  }, 300_000);

  it("a loss that is not finite stops training, names the step and keeps the last good checkpoint", async () => {
    const { code, err } = await cmmd(
      [
        "run",
        "tiny.yaml",
        "train",
        "train.optimizer.rate=1e18",
        "train.optimizer.decay.floor=1e18",
        "train.optimizer.warmup=0",
      ],
      { cwd: reference },
    );
    expect(code).toBe(1);
    expect(err).toMatch(/CMMD521 the loss became .* at step \d+; the checkpoint of step \d+ is kept/);
    expect(err).toMatch(/train\.optimizer\.rate/);
  });
});
