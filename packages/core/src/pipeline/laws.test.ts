// biome-ignore-all lint/suspicious/noTemplateCurlyInString: pipelines refer to the environment in this way
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { isMap, isScalar, parseDocument, parse as parseYaml, stringify, visit } from "yaml";
import { CmmdErrors } from "../errors.js";
import { loadRegistry, type Registry } from "../registry/registry.js";
import { mergeTrees } from "./merge.js";
import { applyOverrides, parseOverride } from "./overrides.js";
import { parsePipeline } from "./parse.js";
import { parseTree } from "./read.js";
import { diffusionPipeline, type ResolvedPipeline } from "./resolved.js";
import { showPipeline } from "./show.js";
import { plainValue, type TreeNode } from "./tree.js";

const folder = mkdtempSync(join(tmpdir(), "cmmd-laws-"));
const components = fileURLToPath(new URL("./fixtures/components.mjs", import.meta.url));
const fixture = (name: string) => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
const complete = readFileSync(fixture("complete.yaml"), "utf8");
let registry: Registry;
beforeAll(async () => {
  registry = await loadRegistry({ builtins: [], plugins: [components], base: folder });
});

async function parseText(text: string, overrides: readonly string[] = []): Promise<ResolvedPipeline> {
  const path = join(folder, "law.yaml");
  writeFileSync(path, text);
  return diffusionPipeline((await parsePipeline(path, { overrides, env: {}, registry })).resolved, "this test");
}
const tree = (value: unknown): TreeNode =>
  parseTree({ file: "x", text: stringify(value, { aliasDuplicateObjects: false }) }).tree!;

const key = fc.stringMatching(/^[a-z]{1,3}$/);
const scalar = fc.oneof(fc.string(), fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean());
const { map } = fc.letrec<{ value: unknown; map: Record<string, unknown> }>((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, scalar, fc.array(scalar, { maxLength: 3 }), tie("map")),
  map: fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: true }),
}));

test("what is read is what the YAML library reads", () => {
  fc.assert(
    fc.property(map, (value) => {
      const text = stringify(value, { aliasDuplicateObjects: false });
      expect(plainValue(parseTree({ file: "x", text }).tree!)).toEqual(parseYaml(text));
    }),
  );
});

test("inheriting: nothing from nothing, nothing changes nothing, twice is once, and order alone decides", () => {
  const merge = (...values: unknown[]) => plainValue(values.map(tree).reduce((base, child) => mergeTrees(base, child)));
  fc.assert(
    fc.property(map, map, map, (a, b, c) => {
      expect(merge(a, {})).toEqual(merge(a));
      expect(merge({}, a)).toEqual(merge(a));
      expect(merge(a, b, b)).toEqual(merge(a, b));
      expect(merge(a, merge(b, c))).toEqual(merge(a, b, c));
      for (const [name, value] of Object.entries(b))
        if (typeof value !== "object" || Array.isArray(value))
          expect((merge(a, b) as Record<string, unknown>)[name]).toEqual((merge(b) as Record<string, unknown>)[name]);
    }),
  );
});

/** Paths of the scalars of a YAML text, with the values. */
function leaves(text: string): { path: (string | number)[]; value: unknown }[] {
  const walk = (value: unknown, path: (string | number)[]): { path: (string | number)[]; value: unknown }[] => {
    if (typeof value !== "object" || value === null) return [{ path, value }];
    return Object.entries(value).flatMap(([step, item]) =>
      walk(item, [...path, Array.isArray(value) ? Number(step) : step]),
    );
  };
  return walk(parseYaml(text), []);
}

test("an override has the effect of editing the file at that path", () => {
  const scalars = leaves(complete).filter(({ path }) => path.at(-1) !== "use");
  const value = fc
    .oneof(scalar, fc.array(scalar, { maxLength: 2 }), map)
    .filter((v) => !JSON.stringify(v).includes("${"));
  fc.assert(
    fc.property(fc.constantFrom(...scalars), value, ({ path }, replacement) => {
      const edited = parseDocument(complete);
      edited.setIn(path, replacement);
      const base = parseTree({ file: "x", text: complete }).tree!;
      const override = parseOverride(`${path.join(".")}=${JSON.stringify(replacement)}`, [])!;
      const errors: unknown[] = [];
      const result = plainValue(applyOverrides(base, [override], errors as never));
      expect(errors).toEqual([]);
      expect(result).toEqual(JSON.parse(JSON.stringify(edited.toJS())));
    }),
  );
});

test("overriding every scalar by itself changes nothing", async () => {
  const text = complete.replace("${CLIPS:-clips}", "clips");
  const scalars = leaves(text).filter(({ path }) => path.join(".") !== "cmmd");
  const plain = await parseText(text);
  const some = fc.subarray(scalars);
  await fc.assert(
    fc.asyncProperty(some, async (chosen) => {
      const overrides = chosen.map(({ path, value }) => `${path.join(".")}=${JSON.stringify(value)}`);
      expect(await parseText(text, overrides)).toEqual(plain);
    }),
    { numRuns: 30 },
  );
});

test("a typo in any key is an error at that key that knows what was meant", async () => {
  const keys: { name: string; start: number }[] = [];
  visit(parseDocument(complete), {
    Pair: (_, pair) => {
      if (isScalar(pair.key)) keys.push({ name: String(pair.key.value), start: pair.key.range![0] });
    },
  });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...keys), fc.nat(), async ({ name, start }, seed) => {
      const i = seed % name.length;
      const typo = `${name.slice(0, i)}z${name.slice(i)}`;
      const text = complete.slice(0, start) + typo + complete.slice(start + name.length);
      const before = text.slice(0, start).split("\n");
      const error = (await parseText(text).catch((reason: unknown) => reason)) as CmmdErrors;
      expect(error).toBeInstanceOf(CmmdErrors);
      const place = { line: before.length, column: before.at(-1)!.length + 1, length: typo.length };
      const there = error.errors.find((e) => e.place?.line === place.line && e.place.column === place.column);
      expect(there).toMatchObject({ place });
      expect(there!.hint).toContain(`"${name}"`);
    }),
    { numRuns: 60 },
  );
});

test("a wrong value anywhere is an error at that value", async () => {
  const values: { start: number; end: number }[] = [];
  visit(parseDocument(complete), {
    Pair: (_, pair) => {
      if (isScalar(pair.value) && typeof pair.value.value === "number")
        values.push({ start: pair.value.range![0], end: pair.value.range![1] });
    },
  });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...values), async ({ start, end }) => {
      const text = `${complete.slice(0, start)}many${complete.slice(end)}`;
      const before = text.slice(0, start).split("\n");
      const error = (await parseText(text).catch((reason: unknown) => reason)) as CmmdErrors;
      expect(error.errors.map(({ place }) => [place?.line, place?.column, place?.length])).toEqual([
        [before.length, before.at(-1)!.length + 1, 4],
      ]);
    }),
    { numRuns: 40 },
  );
});

test("what `show` prints parses to the same pipeline", async () => {
  const text = fc.string({ minLength: 1 });
  const pipeline = fc.record(
    {
      seed: fc.nat(),
      device: fc.constantFrom("auto", "cpu", "webgpu"),
      data: fc.record({
        use: fc.constant("folder"),
        root: fc.oneof(
          text,
          fc.constantFrom("${A}", "$${A}", "~", "null", "1e3", "a: b", "- x", "#", " x ", "0x10", "a\nb"),
        ),
        clip: fc.record({ frames: fc.integer({ min: 1, max: 50 }) }),
        max_rejected: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
      train: fc.record(
        {
          steps: fc.integer({ min: 1, max: 1e9 }),
          batch: fc.integer({ min: 1, max: 64 }),
          ema: fc.constantFrom(0, 0.9, 0.9999),
          optimizer: fc.record({ rate: fc.double({ min: 1e-12, max: 1, noNaN: true }) }),
          losses: fc
            .array(
              fc.oneof(
                fc.constant("diffusion"),
                fc.record({
                  use: fc.constant("contrastive"),
                  eta: fc.double({ min: 0, max: 1, noNaN: true }),
                  from: fc.nat(),
                }),
              ),
              { maxLength: 2 },
            )
            .map((more) => ["diffusion", ...more]),
        },
        { requiredKeys: ["steps", "batch", "losses"] },
      ),
      generate: fc.uniqueArray(
        fc.record(
          { task: fc.constantFrom("v2a", "a2v", "joint"), frames: fc.integer({ min: 1, max: 99 }) },
          { requiredKeys: ["task"] },
        ),
        { selector: ({ task }) => task },
      ),
      report: fc.record({ use: fc.constant("html"), title: text }, { requiredKeys: ["use"] }),
    },
    { requiredKeys: ["data", "train"] },
  );
  const fixed = { cmmd: 1, prepare: { audio: ["mel"] }, latents: "patch-pca", model: "cmmd-unet" };
  await fc.assert(
    fc.asyncProperty(pipeline, async (part) => {
      // In a pipeline file a reference to the environment is doubled to stand for itself.
      const written = stringify({ ...fixed, ...part }, { aliasDuplicateObjects: false }).replaceAll("${", () => "$${");
      const resolved = await parseText(written);
      expect(resolved.data.options.root).toBe(part.data.root);
      expect(await parseText(showPipeline(resolved))).toEqual(resolved);
    }),
    { numRuns: 60 },
  );
  const resolved = await parseText(complete);
  expect(await parseText(showPipeline(resolved))).toEqual(resolved);
  expect(isMap(parseDocument(showPipeline(resolved)).contents)).toBe(true);
});
