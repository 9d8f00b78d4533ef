import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Ajv } from "ajv";
import { beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { loadRegistry } from "../registry/registry.js";
import { pipelineSchema } from "./schema.js";

const components = fileURLToPath(new URL("./fixtures/components.mjs", import.meta.url));
const fixture = (name: string) => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
const read = () => parse(readFileSync(fixture("complete.yaml"), "utf8")) as Record<string, Record<string, unknown>>;

let schema: Record<string, unknown>;
let accepts: (value: unknown) => boolean;
beforeAll(async () => {
  const registry = await loadRegistry({ builtins: [], plugins: [components], base: "." });
  schema = pipelineSchema(registry);
  const ajv = new Ajv({ strict: false });
  expect(ajv.validateSchema(schema)).toBe(true);
  accepts = (value) => ajv.compile(schema)(value) as boolean;
});

test("it is plain JSON of draft 7 without cmmd's own keywords", () => {
  expect(JSON.parse(JSON.stringify(schema))).toEqual(schema);
  expect(schema.$schema).toBe("http://json-schema.org/draft-07/schema#");
  expect(JSON.stringify(schema)).not.toContain("x-cmmd");
});

test("it accepts a pipeline with or without its optional parts", () => {
  expect(accepts(read())).toBe(true);
  const { name: _, seed: __, device: ___, diffusion: ____, evaluate: _____, ...less } = read();
  expect(accepts(less)).toBe(true);
  expect(accepts({ ...less, generate: { task: "v2a" } })).toBe(true);
  expect(accepts({ ...less, latents: "patch-pca" })).toBe(true);
});

test("it refuses what the parser refuses", () => {
  const whole = read();
  const changed: Record<string, unknown>[] = [
    { ...whole, sed: 1 },
    { ...whole, cmmd: 2 },
    { ...whole, data: { ...whole.data, use: "foldr" } },
    { ...whole, data: { use: "folder", root: "x" } },
    { ...whole, latents: "sd-vae" },
    { ...whole, latents: { use: "patch-pca", chanels: 8 } },
    { ...whole, train: { ...whole.train, losses: [{ use: "diffusion", eta: 1 }] } },
    { ...whole, train: { ...whole.train, losses: [{ use: "contrastive", negatives: { audio: [{ use: "shift" }] } }] } },
    { ...whole, generate: [{ task: "v2v" }] },
    { ...whole, extends: "other.yaml", train: { stepz: 3 } },
  ];
  expect(changed.map(accepts)).toEqual(changed.map(() => false));
  const { model: _, ...without } = whole;
  expect(accepts(without)).toBe(false);
});

test("a file that inherits may leave out anything", () => {
  expect(
    accepts({ extends: "other.yaml", train: { steps: 5 }, data: { use: "folder" }, latents: { use: "sd-vae" } }),
  ).toBe(true);
  expect(accepts({ extends: "other.yaml", data: { root: "elsewhere", clip: { every: 3 } } })).toBe(true);
  expect(accepts({ extends: "other.yaml", data: { rot: "elsewhere" } })).toBe(false);
});

test("components and options carry their descriptions", () => {
  const text = JSON.stringify(schema);
  expect(text).toContain("Folder of media files.");
  expect(text).toContain("Learning rate.");
  expect(text).toContain("The same recording at another time.");
});
