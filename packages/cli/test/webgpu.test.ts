import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readSafetensors } from "@cmmd/core";
import { describe, expect, it } from "vitest";
import { cmmd, jsonLines, tinyTraining } from "./process.js";

/** A Vulkan driver in software, inside Debian's package chromium: how the GPU path is tested without a GPU. */
const driver = process.env.VK_ICD_FILENAMES ?? "/usr/lib/chromium/vk_swiftshader_icd.json";
const present = existsSync(driver);
if (!present) console.log(`skipped: no Vulkan driver at ${driver} (Debian: apt-get install chromium)`);

const withDriver = (path: string) => ({ ...process.env, VK_ICD_FILENAMES: path, XDG_RUNTIME_DIR: tmpdir() });

/** With every stage. */
const tiny = `${tinyTraining}generate:
  - { task: v2a, count: 1, sampler: { use: ddim, steps: 2 }, guidance: { use: reconstruction, weight: 1 } }
  - { task: a2v, count: 1, sampler: { use: ddim, steps: 2 } }
`;

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "cmmd-webgpu-"));
  writeFileSync(join(path, "tiny.yaml"), tiny);
  return path;
}

/** Runs the pipeline; the folder of a stage's artifact. */
async function run(cwd: string, device: "cpu" | "webgpu") {
  const { code, out, err } = await cmmd(["run", "tiny.yaml", "--json", "--device", device], {
    cwd,
    env: withDriver(driver),
  });
  expect([code, err]).toEqual([0, ""]);
  const keys = new Map(
    jsonLines(out).flatMap(({ type, stage, key }) => (type === "stage" ? [[stage as string, key as string]] : [])),
  );
  return (stage: string) => join(cwd, ".cmmd", "store", stage, keys.get(stage)!);
}

const curve = (train: string) =>
  jsonLines(readFileSync(join(train, "losses.jsonl"), "utf8")) as Record<string, number>[];

/** Root mean square of the difference, and of the second. */
function compare(a: ArrayLike<number>, b: ArrayLike<number>) {
  expect(a.length).toBe(b.length);
  let [difference, size] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    size += b[i]! ** 2;
  }
  return { difference: Math.sqrt(difference / a.length), size: Math.sqrt(size / a.length) };
}

describe.skipIf(!present)("on webgpu", () => {
  it("the whole demo runs, nothing of it on the CPU, and agrees with the CPU", async () => {
    const cwd = folder();
    const cpu = await run(cwd, "cpu");
    const gpu = await run(cwd, "webgpu");
    expect(gpu("prepare")).toBe(cpu("prepare"));
    expect(gpu("train")).not.toBe(cpu("train"));
    const expected = curve(cpu("train"));
    const curves = curve(gpu("train"));
    expect(curves).toHaveLength(3);
    for (const [i, row] of curves.entries())
      for (const [name, value] of Object.entries(row))
        expect(Math.abs(value - expected[i]![name]!) / expected[i]![name]!, `${name} at step ${i + 1}`).toBeLessThan(
          1e-3,
        );
    for (const group of ["v2a", "a2v"]) {
      const [name] = readdirSync(join(cpu("generate"), group)).filter((file) => file.endsWith(".safetensors"));
      const [want, got] = await Promise.all(
        [cpu, gpu].map((stages) => readSafetensors(join(stages("generate"), group, name!))),
      );
      const kind = group === "v2a" ? "features" : "frames";
      const { difference, size } = compare(got!.tensors[kind]!.data, want!.tensors[kind]!.data);
      expect(difference / size, group).toBeLessThan(1e-3);
    }
    expect(existsSync(join(gpu("report"), "report.html"))).toBe(true);
  }, 600_000);

  it("Ctrl-C while the GPU's programs are built ends the run without a crash, and is recorded", async () => {
    const cwd = folder();
    const argv = ["run", "tiny.yaml", "train", "--json", "--device", "webgpu"];
    const { code, signal, out, err } = await cmmd(argv, {
      cwd,
      env: withDriver(driver),
      stop: { at: /"message":"loss = /, signal: "SIGINT" },
    });
    expect(err).toBe("stopping with a checkpoint; Ctrl-C again ends at once\n");
    // That takes longer than an interrupted run may wait: then the process ends by the signal itself, which shells report as 130.
    expect(signal === "SIGINT" || code === 130).toBe(true);
    expect(jsonLines(out).at(-1)).toMatchObject({ type: "run", state: "interrupted" });
  }, 600_000);

  it("a GPU without float16 refuses mixed precision before the first stage", async () => {
    const { code, out, err } = await cmmd(["run", "tiny.yaml", "precision=mixed", "--device", "webgpu"], {
      cwd: folder(),
      env: withDriver(driver),
    });
    expect(code).toBe(2);
    expect(err).toMatch(
      /^CMMD218 "precision: mixed" does not work on webgpu: the GPU has no float16.*\n +Use precision float32/m,
    );
    expect(out).not.toMatch(/render|prepare/);
  });

  it("without a GPU the run fails, says so and what to do", async () => {
    const { code, err } = await cmmd(["run", "tiny.yaml", "train", "--device", "webgpu"], {
      cwd: folder(),
      env: withDriver("/absent.json"),
    });
    expect(code).toBe(1);
    expect(err).toMatch(/^JIT303 program train .+ cannot run on webgpu: no usable GPU was found.*\n +Use device cpu/m);
    expect(err).not.toMatch(/internal/);
  });
});
