import { mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ResolvedPipeline, Used } from "../pipeline/resolved.js";
import type { Json } from "../plugin/components.js";
import type { ComponentKinds, Kind } from "../plugin/plugin.js";
import type { Stage } from "../stages/stage.js";
import { Store } from "../store/store.js";
import { showChange } from "./changes.js";
import type { Installed } from "./installed.js";
import { type PlannedStage, plan } from "./plan.js";

type Options = Record<string, Json>;

const pipelineOf = (options: Options, seed = 0) =>
  ({
    name: "p",
    path: "/nowhere/p.yaml",
    seed,
    data: { use: "d", options },
    device: "auto",
  }) as unknown as ResolvedPipeline;

/** Plugins whose code and files are what the test says. */
const installedOf = (code: Readonly<Record<string, string>> = {}, files: Json = null): Installed => ({
  described: () => ({ summary: "", options: {} as never }),
  implementation: async <K extends Kind>() =>
    ({ fingerprint: async () => files, clips: () => [] }) as unknown as ComponentKinds[K],
  nested: () => [],
  codeHash: (plugin) => code[plugin] ?? "0",
  engineHash: () => code.engine ?? "0",
});

interface Shape {
  readonly reads: readonly number[];
  readonly options: readonly string[];
}

const stagesOf = (shapes: readonly Shape[]): Stage[] =>
  shapes.map(({ reads, options }, i) => ({
    name: `s${i}`,
    reads: reads.map((one) => `s${one}`),
    applies: () => true,
    depends: ({ data }) => Object.fromEntries(options.map((name) => [name, (data.options as Options)[name]])),
    components: () => [{ kind: "datasets", use: "d", plugin: `plugin${i}`, options: {} } satisfies Used],
    run: async () => ({}),
  }));

async function finish(store: Store, planned: readonly PlannedStage[]): Promise<void> {
  for (const { stage, key, description } of planned) {
    await store.begin(stage.name, key, description);
    await store.commit(stage.name, key, {});
  }
}

const withStore = async (use: (store: Store) => Promise<void>) => {
  const root = mkdtempSync(join(tmpdir(), "cmmd-plan-"));
  await use(new Store(root)).finally(() => rmSync(root, { recursive: true }));
};

const names = ["a", "b", "c"];
const graph = fc
  .array(fc.record({ reads: fc.uniqueArray(fc.nat(6)), options: fc.subarray(names) }), { minLength: 1, maxLength: 6 })
  .map((shapes) => shapes.map(({ reads, options }, i) => ({ options, reads: reads.filter((one) => one < i) })));

/** The stages that `first` picks and all that read one of them, directly or not. */
function downstream(shapes: readonly Shape[], first: (shape: Shape, i: number) => boolean): string[] {
  const dirty = new Set<number>();
  for (const [i, shape] of shapes.entries())
    if (first(shape, i) || shape.reads.some((one) => dirty.has(one))) dirty.add(i);
  return [...dirty].map((i) => `s${i}`);
}

const missing = (planned: readonly PlannedStage[]) =>
  planned.filter(({ state }) => state === "miss").map(({ stage }) => stage.name);

describe("plan", () => {
  it("computes again exactly what a changed option touches, and names it", async () => {
    await fc.assert(
      fc.asyncProperty(graph, fc.constantFrom(...names), async (shapes, changed) =>
        withStore(async (store) => {
          const stages = stagesOf(shapes);
          const at = (options: Options) =>
            plan({ pipeline: pipelineOf(options), device: "cpu", stages, installed: installedOf(), store });
          const before = { a: 1, b: [2], c: { deep: "x" } };
          const first = await at(before);
          expect(missing(first)).toEqual(stages.map(({ name }) => name));
          await finish(store, first);
          expect(missing(await at({ ...before }))).toEqual([]);
          const again = await at({ ...before, [changed]: "changed" });
          expect(missing(again)).toEqual(downstream(shapes, ({ options }) => options.includes(changed)));
          for (const [i, { state, changes, against }] of again.entries()) {
            const own = shapes[i]!.options.includes(changed);
            expect(changes.some(({ path }) => path.startsWith(`depends.${changed}`))).toBe(own);
            expect(changes.length > 0).toBe(state === "miss");
            expect(against).toBe("nearest");
          }
        }),
      ),
      { numRuns: 25 },
    );
  });

  it("counts plugin code, the engine's code, the seed, the device and the dataset's files", async () =>
    withStore(async (store) => {
      const shapes: Shape[] = [
        { reads: [], options: [] },
        { reads: [0], options: [] },
        { reads: [], options: [] },
      ];
      const stages = stagesOf(shapes);
      const base = { pipeline: pipelineOf({}), device: "cpu" as const, stages, installed: installedOf(), store };
      await finish(store, await plan(base));
      expect(missing(await plan({ ...base, installed: installedOf({ plugin1: "new" }) }))).toEqual(["s1"]);
      expect(missing(await plan({ ...base, installed: installedOf({ plugin0: "new" }) }))).toEqual(["s0", "s1"]);
      expect(missing(await plan({ ...base, installed: installedOf({}, { "a.mp4": 5 }) }))).toEqual(["s0", "s1"]);
      const all = ["s0", "s1", "s2"];
      expect(missing(await plan({ ...base, installed: installedOf({ engine: "new" }) }))).toEqual(all);
      expect(missing(await plan({ ...base, pipeline: pipelineOf({}, 1) }))).toEqual(all);
      const onGpu = await plan({ ...base, device: "webgpu" });
      expect(missing(onGpu)).toEqual(all);
      expect(onGpu[2]!.changes.map(showChange)).toEqual(['device: "cpu" -> "webgpu"']);
      const anywhere = stages.map((stage) => ({ ...stage, perDevice: false }));
      await finish(store, await plan({ ...base, stages: anywhere }));
      expect(missing(await plan({ ...base, stages: anywhere, device: "webgpu" }))).toEqual([]);
    }));

  it("brings only wanted stages and what they need up to date", async () =>
    withStore(async (store) => {
      const stages = stagesOf([
        { reads: [], options: [] },
        { reads: [0], options: [] },
        { reads: [1], options: ["a"] },
        { reads: [1], options: [] },
      ]);
      const base = { device: "cpu" as const, stages, installed: installedOf(), store };
      const states = async (wanted: string[], options: Options) =>
        (await plan({ ...base, pipeline: pipelineOf(options), wanted })).map(({ state }) => state);
      expect(await states(["s2"], { a: 1 })).toEqual(["miss", "miss", "miss", "unneeded"]);
      const planned = await plan({ ...base, pipeline: pipelineOf({ a: 1 }) });
      await finish(store, planned);
      rmSync(store.folder("s0", planned[0]!.key), { recursive: true });
      expect(await states(["s2"], { a: 1 })).toEqual(["unneeded", "unneeded", "hit", "unneeded"]);
      expect(await states(["s2"], { a: 2 })).toEqual(["unneeded", "hit", "miss", "unneeded"]);
      await expect(states(["s9"], {})).rejects.toMatchObject({
        code: "CMMD420",
        exitCode: 2,
        hint: expect.stringMatching(/"s0"/),
      });
    }));

  it("tells an interrupted stage from one that was never begun", async () =>
    withStore(async (store) => {
      const stages = stagesOf([{ reads: [], options: [] }]);
      const base = { pipeline: pipelineOf({}), device: "cpu" as const, stages, installed: installedOf(), store };
      const [first] = await plan(base);
      await store.begin("s0", first!.key, first!.description);
      expect((await plan(base))[0]!.state).toBe("partial");
    }));

  it("computes again when the weights change that come with a component", async () =>
    withStore(async (store) => {
      const path = join(store.root, "shipped.safetensors");
      const weights = { weights: { weights: "model.safetensors" }, shipped: { weights: path } };
      const installed = { ...installedOf(), described: () => ({ summary: "", options: {} as never, ...weights }) };
      const used: Used = { kind: "vocoders", use: "v", plugin: "plugin", options: {} };
      const [stage] = stagesOf([{ reads: [], options: [] }]);
      const stages = [{ ...stage!, components: () => [used] }];
      const base = { pipeline: pipelineOf({}), device: "cpu" as const, stages, installed, store };
      await writeFile(path, "trained");
      await finish(store, await plan(base));
      expect(missing(await plan(base))).toEqual([]);
      await writeFile(path, "trained further");
      const [planned] = await plan(base);
      expect(planned!.changes.map(({ path: leaf }) => leaf)).toEqual(['weights."v.weights"']);
    }));
});
