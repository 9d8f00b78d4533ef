import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv } from "ajv";
import { beforeAll, describe, expect, it } from "vitest";
import { parse as parseYaml } from "yaml";
import type { CmmdErrors } from "../errors.js";
import { loadRegistry, type Registry } from "../registry/registry.js";
import { parsePipeline } from "./parse.js";
import { trainsVocoder, type VocoderPipeline } from "./resolved.js";
import { pipelineSchema } from "./schema.js";
import { showPipeline } from "./show.js";

const fixtures = [
  new URL("fixtures/components.mjs", import.meta.url),
  new URL("fixtures/vocoder.mjs", import.meta.url),
].map((url) => fileURLToPath(url));
const folder = mkdtempSync(join(tmpdir(), "cmmd-vocoder-"));
const write = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const minimal = `cmmd: 1
data: { use: folder, root: sounds, clip: { samples: 65536 } }
prepare: { audio: [{ use: resample, rate: 16000 }, { use: traced-mel }] }
vocoder: network
train: { steps: 10, batch: 2 }
`;

let registry: Registry;
beforeAll(async () => {
  registry = await loadRegistry({ builtins: fixtures, plugins: [], base: folder });
});

async function parse(path: string, ...overrides: string[]): Promise<VocoderPipeline> {
  const { resolved } = await parsePipeline(path, { overrides, env: {}, registry });
  if (!trainsVocoder(resolved)) throw new Error("it has a model");
  return resolved;
}
const problems = async (path: string, ...overrides: string[]) => {
  const error = await parse(path, ...overrides).then(
    () => undefined,
    (caught: CmmdErrors) => caught,
  );
  return error?.errors.map(({ code, place }) => `${code} ${place?.line}:${place?.column}`) ?? [];
};

describe("a pipeline that trains a vocoder", () => {
  it("has the paper's training where it says nothing, and prints as what it is", async () => {
    const resolved = await parse(write("minimal.yaml", minimal));
    expect(resolved.data.clip).toEqual({ samples: 65536, every: 65536 });
    expect(resolved.train).toMatchObject({
      segment: 65536,
      augment: "none",
      losses: { adversarial: 1, feature_matching: 2, mel: 10, stft: 0 },
      adversarial_from: 0,
      optimizer: { rate: 1e-4, beta1: 0.5, beta2: 0.9 },
    });
    expect(resolved).not.toHaveProperty("copy");
    for (const one of [resolved, await parse(write("scored.yaml", `${minimal}copy: {}\nevaluate: [event-f1]\n`))]) {
      const shown = write("shown.yaml", showPipeline(one));
      expect({ ...(await parse(shown)), path: "" }).toEqual({ ...one, path: "" });
    }
  });

  it("inherits, and keeps its clips when the dataset changes", async () => {
    write("base.yaml", minimal);
    const path = write("child.yaml", "extends: base.yaml\ntrain: { segment: 8192 }\n");
    const resolved = await parse(path, "data.root=elsewhere", "vocoder.channels=4");
    expect(resolved).toMatchObject({
      data: { clip: { samples: 65536 }, options: { root: "elsewhere" } },
      vocoder: { use: "network", options: { channels: 4 } },
      train: { segment: 8192 },
    });
  });

  it("refuses what cannot work, everything at once and in its place", async () => {
    const wrong = `cmmd: 1
data: { use: folder, root: sounds, clip: { samples: 1000, frames: 18 } }
prepare: { video: [], audio: [{ use: resample, rate: 16000 }, { use: traced-mel }] }
vocoder: { use: griffin-lim }
latents: sd-vae
precision: mixed
train: { steps: 10, batch: 2, segment: 1100, losses: { adversarial: 0, feature_matching: 0, mel: 0 }, reset: true }
`;
    expect((await problems(write("wrong.yaml", wrong))).sort()).toEqual(
      [
        "CMMD201 2:59",
        "CMMD201 3:12",
        "CMMD592 4:17",
        "CMMD201 5:1",
        "CMMD590 6:12",
        "CMMD591 7:40",
        "CMMD591 7:40",
        "CMMD591 7:54",
        "CMMD528 7:110",
      ].sort(),
    );
    expect(await problems(write("idle.yaml", `${minimal}evaluate: [event-f1]\n`))).toEqual(["CMMD217 6:1"]);
    const parted = minimal.replace("batch: 2", "batch: 2, accumulate: 2, losses: { stft: 1 }");
    expect(await problems(write("parted.yaml", parted))).toEqual(["CMMD527 5:43"]);
    expect(await problems(write("mel.yaml", minimal.replace("traced-mel", "mel")))).toEqual(["CMMD593 3:52"]);
  });

  it("is known to editors", async () => {
    const validate = new Ajv({ strict: false }).compile(pipelineSchema(registry));
    const accepts = (text: string) => validate(parseYaml(text)) as boolean;
    expect(accepts(minimal)).toBe(true);
    expect(accepts(minimal.replace("samples:", "frames:"))).toBe(false);
    expect(accepts(`${minimal}model: cmmd-unet\n`)).toBe(false);
    expect(accepts("extends: base.yaml\ntrain: { segment: 8192 }\n")).toBe(true);
    expect(accepts("extends: base.yaml\ntrain: { segmnt: 8192 }\n")).toBe(false);
  });
});
