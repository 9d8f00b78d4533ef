// biome-ignore-all lint/suspicious/noTemplateCurlyInString: pipelines refer to the environment in this way
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "vitest";
import { CmmdErrors } from "../errors.js";
import { loadRegistry, type Registry } from "../registry/registry.js";
import { parsePipeline } from "./parse.js";
import { nestedUses } from "./resolve.js";
import { diffusionPipeline } from "./resolved.js";

const components = fileURLToPath(new URL("./fixtures/components.mjs", import.meta.url));
const fixture = (name: string) => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "cmmd-parse-"));
let registry: Registry;
beforeAll(async () => {
  registry = await loadRegistry({ builtins: [], plugins: [components], base: folder });
});

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}
const parse = async (path: string, overrides: string[] = [], env: Record<string, string> = {}) =>
  diffusionPipeline((await parsePipeline(path, { overrides, env, registry })).resolved, "this test");

/** The mistakes as `code line:column+length`. */
async function mistakes(path: string, overrides: string[] = [], env: Record<string, string> = {}) {
  const error = await parsePipeline(path, { overrides, env, registry }).then(
    () => new CmmdErrors([]),
    (reason: unknown) => reason,
  );
  if (!(error instanceof CmmdErrors)) throw error;
  expect(error.errors.every(({ exitCode }) => exitCode === 2)).toBe(true);
  expect(error.errors.every(({ hint }) => hint)).toBe(true);
  return error.errors.map(({ code, message, hint, place }) => ({
    at: place ? `${code} ${place.text === undefined ? place.line : "argument"}:${place.column}+${place.length}` : code,
    message,
    hint,
    file: place?.file,
  }));
}
const minimal = `cmmd: 1
data: { use: folder, root: clips, clip: { frames: 18 } }
prepare: { audio: [mel] }
latents: patch-pca
model: cmmd-unet
train: { steps: 10, batch: 2, losses: [diffusion] }
`;

test("a short pipeline gets every documented default", async () => {
  const path = write("short.yaml", `${minimal}generate: { task: v2a }\n`);
  expect(await parse(path)).toEqual({
    cmmd: 1,
    name: "short",
    path,
    plugins: [],
    seed: 0,
    device: "auto",
    precision: "float32",
    engine: "onnx",
    data: {
      kind: "datasets",
      use: "folder",
      plugin: "test-components",
      options: { root: "clips", split: "train" },
      clip: { frames: 18, every: 18, context: 4 },
      max_rejected: 0.1,
    },
    prepare: {
      codec: { kind: "codecs", use: "ffmpeg", plugin: "test-components", options: {} },
      video: [],
      audio: [
        { kind: "transforms", use: "mel", plugin: "test-components", options: { bins: 80, window: 512, hop: 256 } },
      ],
      keep: "all",
      shard_mb: 256,
    },
    latents: { kind: "autoencoders", use: "patch-pca", plugin: "test-components", options: { channels: 8, patch: 8 } },
    model: {
      kind: "models",
      use: "cmmd-unet",
      plugin: "test-components",
      options: { channels: 128, multipliers: [1, 2, 3, 4], fusion: "easy" },
    },
    diffusion: { schedule: "cosine", steps: 1000, predict: "v", scale: { video: 1, audio: 1 } },
    train: {
      steps: 10,
      batch: 2,
      optimizer: { use: "adam", rate: 1e-4, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, warmup: 0 },
      ema: 0.999,
      losses: [{ kind: "losses", use: "diffusion", plugin: "test-components", options: {}, from: 0 }],
      log_every: 10,
      steps_per_run: "auto",
      accumulate: 1,
      reset: false,
      checkpoints: { every_seconds: 60, last: 1 },
    },
    generate: [
      {
        name: "v2a",
        task: "v2a",
        split: "test",
        weights: "ema",
        batch: 4,
        sampler: { kind: "samplers", use: "ddim", plugin: "test-components", options: { steps: 200, spacing: 1 } },
        guidance: { kind: "guidances", use: "reconstruction", plugin: "test-components", options: { weight: 2 } },
        vocoder: { kind: "vocoders", use: "griffin-lim", plugin: "test-components", options: {} },
      },
    ],
    evaluate: [],
    report: { kind: "reports", use: "html", plugin: "test-components", options: {} },
  });
});

test("normalise is the last filter of the sound before its features", async () => {
  const { prepare } = await parse(fixture("complete.yaml"), ["prepare.normalise={use: resample, rate: 8000}"]);
  expect(prepare.audio.map(({ use }) => use)).toEqual(["resample", "resample", "mel"]);
  const wrong = await mistakes(fixture("complete.yaml"), ["prepare.normalise={use: center-crop}"]);
  expect(wrong.map(({ at }) => at.slice(0, 7))).toEqual(["CMMD212"]);
});

test("all mistakes of a file and of the arguments come in one pass, each with its place", async () => {
  const overrides = ["train.stepz=3", "train.losses.7.eta=2", "a..b=1", "seed=[1", "latents.channels=0"];
  const found = await mistakes(fixture("mistakes.yaml"), overrides);
  expect(found.map(({ at }) => at)).toMatchInlineSnapshot(`
    [
      "CMMD207 1:7+1",
      "CMMD201 2:1+3",
      "CMMD203 3:14+5",
      "CMMD105 3:28+10",
      "CMMD204 5:23+3",
      "CMMD203 5:41+11",
      "CMMD204 5:71+4",
      "CMMD212 5:84+3",
      "CMMD211 6:18+3",
      "CMMD206 6:29+4",
      "CMMD206 6:60+7",
      "CMMD103 8:1+7",
      "CMMD209 9:10+4",
      "CMMD207 10:24+5",
      "CMMD207 10:40+3",
      "CMMD202 11:1+5",
      "CMMD206 12:10+3",
      "CMMD208 13:22+2",
      "CMMD202 13:26+5",
      "CMMD208 13:43+1",
      "CMMD214 18:14+1",
      "CMMD203 19:35+13",
      "CMMD208 19:83+1",
      "CMMD208 19:95+1",
      "CMMD206 19:98+1",
      "CMMD204 19:105+5",
      "CMMD216 22:27+3",
      "CMMD204 22:78+7",
      "CMMD213 23:13+3",
      "CMMD206 23:49+3",
      "CMMD215 24:20+8",
      "CMMD203 25:22+9",
      "CMMD206 26:1+6",
      "CMMD110 argument:1+6",
      "CMMD201 argument:7+5",
      "CMMD102 argument:8+1",
      "CMMD111 argument:14+1",
      "CMMD208 argument:18+1",
    ]
  `);
  expect(found.map(({ message, hint }) => `${message} | ${hint}`)).toMatchInlineSnapshot(`
    [
      ""cmmd" must be 1, but is the number 2 | Write 1.",
      "unknown key "sed" | Did you mean "seed"?",
      "unknown dataset "foldr" | Did you mean "folder"?",
      "the environment variable NOT_SET is not set | Set it, or give a default: \${NOT_SET:-value}.",
      "unknown option "rat" for transform "fps" | Did you mean "rate"?",
      "unknown transform "center_crop" | Did you mean "center-crop"?",
      "unknown option "sise" for transform "resize" | Did you mean "size"?",
      "the transform "mel" works on audio: it has no place in "prepare.video" | Move it to prepare.audio.",
      ""mel" makes features of the sound, but it is not the last of "prepare.audio" | Move it to the end: the other transforms work on sound.",
      "option "bins" of transform "mel" must be a whole number, but is the text "80" | Remove the quotes.",
      "option "rate" of transform "resample" must be a whole number, but is the number 16000.5 | Round it.",
      "the key "latents" stands twice in the same map | Remove one of the two.",
      "missing "use" in "model": it says which model | Did you mean "use" instead of "usee"?",
      ""diffusion.schedule" must be "cosine" or "linear", but is the text "cosin" | Did you mean "cosine"?",
      ""diffusion.predict" must be "v", "epsilon" or "x0", but is the text "yes" | Write "v", "epsilon" or "x0".",
      "missing key "batch" in "train" | Add it: Clips per step.",
      ""train.steps" must be a whole number, but is the text "ten" | Write a whole number.",
      ""train.optimizer.rate" must be greater than 0, but is -1 | Write a number that is greater than 0. It is: learning rate.",
      "missing key "every" in "train.optimizer.decay" | Add it: Steps between decays.",
      ""train.optimizer.decay.factor" must be at most 1, but is 2 | Write a number that is at most 1. It is: what the rate is multiplied with.",
      "the loss would never be in force: it ends at step 5 and begins at step 10 | "until" must be greater than "from".",
      "unknown negative "temporal-shft" | Did you mean "temporal-shift"?",
      ""train.losses.1.negatives.audio.1.weight" must be greater than 0, but is 0 | Write a number that is greater than 0. It is: share of this negative in the mixture.",
      "option "frames.0" of negative "temporal-shift" must be at least 1, but is 0 | Write a number that is at least 1.",
      "option "frames.1" of negative "temporal-shift" must be a whole number, but is the text "x" | Write a whole number.",
      "unknown option "negatives.vidoe" for loss "contrastive" | Did you mean "video"?",
      "there is no moving average of the weights: "train.ema" is 0 | Write weights: model, or set "train.ema" to e.g. 0.999.",
      "unknown option "spacing.exponnt" for sampler "ddim" | Did you mean "exponent"?",
      "a second generation is called "v2a" | Give it a "name"; the task's is taken.",
      "option "spacing" of sampler "ddim" must be a number or a map, but is a list | Write a number or a map.",
      ""guidance" has no meaning for the task "joint": nothing is known that could guide | Remove it, or choose the task "v2a" or "a2v".",
      "unknown metric "diffusion" | "diffusion" is a loss.",
      ""report" must name a report, but is empty | Write { use: html } with its options beside "use", or remove the key.",
      ""a..b=1" is not an override | Write key.key=value, e.g. train.steps=100 or train.losses.1.eta=1e-4.",
      "unknown key "stepz" in "train" | Did you mean "steps"?",
      "not valid YAML: flow sequence must end with a ] | Correct the YAML; quote texts that hold special characters.",
      ""train.losses" has 2 entries: there is no entry 7 | Entries are counted from 0 to 1.",
      "option "channels" of autoencoder "patch-pca" must be at least 1, but is 0 | Write a number that is at least 1.",
    ]
  `);
});

test("how programs are computed: what excludes each other", async () => {
  const path = write("computing.yaml", minimal);
  expect(await parse(path, ["engine=tfjs"])).toMatchObject({ engine: "tfjs", backend: "tensorflow" });
  expect(await parse(path, ["precision=mixed", "device=webgpu"])).toMatchObject({ precision: "mixed" });
  const found = async (...overrides: string[]) => (await mistakes(path, overrides)).map(({ at }) => at);
  expect(await found("backend=wasm")).toEqual(["CMMD218 argument:9+4"]);
  expect(await found("precision=mixed", "device=cpu")).toEqual(["CMMD218 argument:11+5"]);
  expect(await found("engine=tfjs", "precision=mixed")).toEqual(["CMMD218 argument:11+5"]);
  expect(await found("engine=tfjs", "device=cuda")).toEqual(["CMMD218 argument:8+4"]);
});

test("nested components are checked, filled in and listed", async () => {
  const path = write(
    "nested.yaml",
    minimal.replace(
      "[diffusion]",
      "[{ use: contrastive, negatives: { audio: [{ use: either, first: temporal-shift }] } }]",
    ),
  );
  const loss = (await parse(path)).train.losses[0]!;
  expect(loss.options.negatives).toEqual({
    audio: [{ use: "either", weight: 1, first: { use: "temporal-shift", weight: 1, frames: [2, 4] } }],
  });
  expect(nestedUses(loss, registry)).toEqual([
    { kind: "negatives", use: "either", plugin: "test-components" },
    { kind: "negatives", use: "temporal-shift", plugin: "test-components" },
  ]);
});

test("variables: defaults, numbers without quotes, text with them, a literal by doubling", async () => {
  const text = minimal
    .replace("root: clips", () => 'root: "${ROOT:-a}/${SUB}$${x}"')
    .replace("cmmd: 1", "cmmd: 1\nseed: ${SEED:-5}");
  const path = write("variables.yaml", text);
  const given = await parse(path, [], { SUB: "12", SEED: "9" });
  expect([given.data.options.root, given.seed]).toEqual(["a/12${x}", 9]);
  expect((await parse(path, [], { SUB: "", ROOT: "" })).seed).toBe(5);
  expect((await mistakes(path)).map(({ at }) => at)).toEqual(["CMMD105 3:40+6"]);
  expect((await mistakes(path, ["data.root=${A-b}"])).map(({ at }) => at)).toEqual(["CMMD106 argument:11+6"]);
  const wrong = await mistakes(path, [], { SUB: "", SEED: "many" });
  expect(wrong.map(({ at }) => at)).toEqual(["CMMD206 2:7+10"]);
});

test("a variable that an override makes superfluous need not be set", async () => {
  const path = write("unneeded.yaml", minimal.replace("root: clips", 'root: "${ROOT}"'));
  expect((await parse(path, ["data.root=other"])).data.options.root).toBe("other");
});

test("extends: maps merge, lists replace, errors point into the right file", async () => {
  const base = write("base.yaml", minimal.replace("patch-pca", "{ use: patch-pca, channels: 6, patch: 4 }"));
  const child = (text: string) => write("child.yaml", `extends: base.yaml\n${text}`);
  const merged = await parse(
    child("train: { steps: 20 }\nprepare: { audio: [{ use: mel, bins: 40 }] }\nlatents: patch-pca"),
  );
  expect([merged.name, merged.train.steps, merged.train.batch]).toEqual(["child", 20, 2]);
  expect(merged.prepare.audio[0]!.options.bins).toBe(40);
  expect(merged.latents.options).toEqual({ channels: 6, patch: 4 });
  const switched = await parse(child("latents: { use: sd-vae, weights: w }\ndata: { use: folder, root: other }"));
  expect(switched.latents.options).toEqual({ weights: "w" });
  expect(switched.data).toMatchObject({ options: { root: "other" }, clip: { frames: 18 } });

  write("base.yaml", minimal.replace("clips", "7"));
  const found = await mistakes(child("trian: {}"));
  expect(found.map(({ at, file }) => [at, file])).toEqual([
    ["CMMD201 2:1+5", join(folder, "child.yaml")],
    ["CMMD206 2:28+1", base],
  ]);
});

test("extends: a missing file, a loop, not a path", async () => {
  const path = write("first.yaml", "extends: second.yaml\n");
  write("second.yaml", "extends: ./first.yaml\n");
  const found = await mistakes(path);
  expect(found[0]!.at).toBe("CMMD107 1:10+12");
  expect(found[0]!.message).toContain("first.yaml -> second.yaml -> first.yaml");
  expect((await mistakes(write("lost.yaml", `extends: gone.yaml\n${minimal}`))).map(({ at }) => at)).toEqual([
    "CMMD101 1:10+9",
  ]);
  expect((await mistakes(write("list.yaml", `extends: [a]\n${minimal}`))).map(({ at }) => at)).toEqual([
    "CMMD206 1:10+3",
  ]);
});

test("what a task says is known: its own keys and no others", async () => {
  const path = write(
    "known.yaml",
    `${minimal}generate:
  - { task: extend, frames: 36, known: 9 }
  - { task: inpaint, span: [0.5, 1], fill: audio, frames: 60, window: 36 }
`,
  );
  const [extend, inpaint] = (await parse(path)).generate;
  expect(extend).toMatchObject({ frames: 36, known: 9, guidance: { use: "reconstruction" } });
  expect(inpaint).toMatchObject({ span: [0.5, 1], fill: "audio", window: 36, guidance: { use: "reconstruction" } });
  const wrong = write(
    "wrong-known.yaml",
    `${minimal}generate:
  - { task: v2a, known: 9 }
  - { task: extend, frames: 18, known: 18 }
  - { task: inpaint }
  - { task: inpaint, name: b, span: [1, 0.5] }
`,
  );
  expect((await mistakes(wrong)).map(({ at }) => at.replace(/ \d+:/, " "))).toEqual([
    "CMMD533 18+5",
    "CMMD533 40+2",
    "CMMD533 13+7",
    "CMMD533 37+8",
  ]);
});

test("overrides: another component takes its own options, in any order", async () => {
  const path = write("overridden.yaml", minimal.replace("patch-pca", "{ use: patch-pca, patch: 4 }"));
  const { latents } = await parse(path, ["latents.weights=w", "latents.use=sd-vae"]);
  expect([latents.use, latents.options]).toEqual(["sd-vae", { weights: "w" }]);
  expect((await parse(path, ["model.channels=16"])).model.options.channels).toBe(16);
  expect((await parse(path, ["generate.task=a2v"])).generate[0]!.task).toBe("a2v");
  const single = write("single.yaml", `${minimal}generate: { task: v2a, sampler: ddim }\n`);
  const generations = async (...overrides: string[]) => (await parse(single, overrides)).generate;
  expect(await generations("generate.sampler.steps=7")).toMatchObject([
    { task: "v2a", sampler: { options: { steps: 7 } } },
  ]);
  expect(await generations("generate.0.count=3")).toMatchObject([{ task: "v2a", count: 3 }]);
  expect(await generations("generate={ task: joint }", "generate.count=2")).toMatchObject([
    { task: "joint", count: 2 },
  ]);
  expect((await mistakes(single, ["generate.frames=0", "extends=x.yaml"])).map(({ at }) => at)).toEqual([
    "CMMD110 argument:1+14",
    "CMMD208 argument:17+1",
  ]);
  expect((await mistakes(path, ["train.batch.size=3"])).map(({ at }) => at)).toEqual(["CMMD111 argument:13+4"]);
});

test.each([
  ["an unclosed bracket", "model: { use: cmmd-unet\ntrain: 3\n", /CMMD102/],
  ["a tab", "train:\n\tsteps: 3\n", /CMMD102 9:1/],
  ["a tag", "seed: !!python/object 3\n", /CMMD104 8:7\+15/],
  ["a second document", "---\nseed: 3\n", /CMMD102/],
  ["a key that is no word", "[1]: 3\n", /CMMD104 8:1/],
  ["an endless alias", "a: &a [*a]\n", /CMMD104 8:8\+2/],
  ["an unknown alias", "a: *b\n", /CMMD104 8:4\+2/],
])("YAML that cannot be used: %s", async (_, text, expected) => {
  const found = await mistakes(write("broken.yaml", `${minimal}#\n${text}`));
  expect(found.some(({ at }) => expected.test(at))).toBe(true);
});

test("a file whose name cannot be the pipeline's needs a name", async () => {
  const path = write("my pipeline.yaml", minimal);
  expect(await mistakes(path)).toMatchObject([
    { at: "CMMD208 1:1+1", hint: expect.stringContaining("the file's name") },
  ]);
  expect((await parse(path, ["name=mine"])).name).toBe("mine");
});

test("files that cannot be read", async () => {
  expect((await mistakes(join(folder, "nothing.yaml")))[0]!.message).toContain("there is no such file");
  expect((await mistakes(folder))[0]!.message).toContain("it is a folder");
  expect((await mistakes(write("empty.yaml", "")))[0]!.at).toBe("CMMD104 1:1+1");
  expect((await mistakes(write("text.yaml", "hello")))[0]!.at).toBe("CMMD104 1:1+5");
  writeFileSync(join(folder, "latin1.yaml"), Buffer.from([0x61, 0x3a, 0x20, 0xe9]));
  expect((await mistakes(join(folder, "latin1.yaml")))[0]!.message).toContain("not UTF-8");
});

test("aliases that multiply are refused", async () => {
  const levels = Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(10).fill(`*a${i}`).join(", ")}]`);
  const found = await mistakes(write("bomb.yaml", `a0: &a0 [x]\n${levels.join("\n")}\n`));
  expect(found.map(({ message }) => message)).toContain("more than 20000 values, counting aliases");
});

test("names that objects inherit are unknown keys and components like any other", async () => {
  const text = `${minimal}__proto__: { polluted: true }\nconstructor: 1\nevaluate: [toString]\ngenerate: { task: v2a }\n`;
  const found = await mistakes(write("inherited.yaml", text));
  expect(found.map(({ at }) => at)).toEqual(["CMMD201 7:1+9", "CMMD201 8:1+11", "CMMD203 9:12+8"]);
});

test("what only the whole shows: features, evaluation of nothing", async () => {
  const none = await mistakes(write("a.yaml", minimal.replace("[mel]", "[{ use: resample, rate: 16000 }]")));
  expect(none).toMatchObject([{ at: "CMMD210 3:12+5", hint: 'End the list with "mel".' }]);
  const twice = await mistakes(write("b.yaml", minimal.replace("[mel]", "[mel, mel]")));
  expect(twice.map(({ at }) => at)).toEqual(["CMMD211 3:20+3"]);
  const nothing = await mistakes(write("c.yaml", `${minimal}evaluate: [event-f1]\n`));
  expect(nothing.map(({ at }) => at)).toEqual(["CMMD217 7:1+8"]);
});

test("a default that no installed plugin brings is an error that names it", async () => {
  const bare = await loadRegistry({ builtins: [], plugins: [], base: folder });
  const error = (await parsePipeline(write("d.yaml", minimal), { overrides: [], env: {}, registry: bare }).catch(
    (reason: unknown) => reason,
  )) as CmmdErrors;
  expect(error.errors.map(({ message }) => message)).toContain('unknown codec "ffmpeg"');
});
