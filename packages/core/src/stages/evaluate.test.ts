import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { writeSafetensors } from "../data/safetensors.js";
import { ShardWriter } from "../data/shards.js";
import type { EvaluationItem, MetricBody } from "../plugin/components.js";
import { picturesFolder } from "./clip-writer.js";
import { evaluate, metricsFile } from "./evaluate.js";
import type { StageInput } from "./stage.js";

const folder = mkdtempSync(join(tmpdir(), "cmmd-evaluate-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const [count, frames, before, after, side] = [48, 4, 2, 1, 64];
const [rate, perFrame] = [100, 20];

/** Pictures and sound of `length` frames whose values are all `value`, but that frames and samples before the clip are 255 and -1. */
function tensorsOf(value: number, length: number, context: number) {
  const picture = side * side * 3;
  const pictures = new Uint8Array(length * picture).fill(value).fill(255, 0, context * picture);
  const samples = new Float32Array(length * perFrame).fill(value).fill(-1, 0, context * perFrame);
  return {
    frames: { shape: [length, side, side, 3], data: pictures },
    waveform: { shape: [samples.length], data: samples },
    features: { shape: [2, 1], data: Float32Array.of(value, value) },
  };
}

async function artifacts() {
  const [prepare, generate] = [join(folder, "prepare"), join(folder, "generate")];
  mkdirSync(generate);
  const clips = await ShardWriter.open(prepare);
  const pictures = await ShardWriter.open(join(prepare, picturesFolder));
  const rows: object[] = [];
  for (let i = 0; i < count; i++) {
    const id = `c${i}`;
    const { frames: real, ...sound } = tensorsOf(i, before + frames + after, before);
    await clips.add(id, sound, { split: "test", recording: id, before, after });
    await pictures.add(id, { frames: real }, {});
    await writeSafetensors(join(generate, `${id}.safetensors`), tensorsOf(100 + i, frames, 0));
    rows.push({ group: "v2a", id, events: [0.1], generated: "", reference: "", tensors: `${id}.safetensors` });
  }
  await clips.close();
  await pictures.close();
  await writeSafetensors(join(generate, "long.original.safetensors"), tensorsOf(7, frames, 0));
  rows.push({ ...rows[0], id: "long", original: "long.original.safetensors" });
  writeFileSync(join(generate, "index.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const statistics = { definition: {}, rates: { video: rate / perFrame, audio: rate }, mean: 0, std: 1 };
  writeFileSync(join(prepare, "features.json"), JSON.stringify(statistics));
  return { prepare, generate };
}

it("gives metrics each clip's sound and pictures without its context, and holds none of them", async () => {
  const inputs = await artifacts();
  let held = 0;
  const only = (data: ArrayLike<number>) => {
    const values = new Set(Array.from(data));
    expect(values.size).toBe(1);
    return [...values][0]!;
  };
  const valuesOf = async ({ waveform, features, frames: pictures }: EvaluationItem["generated"]) => {
    const [sound, seen] = [await waveform(), await pictures()];
    expect([sound.rate, sound.samples.length, seen.count]).toEqual([rate, frames * perFrame, frames]);
    return [only(sound.samples), only((await features()).data), only(seen.data)];
  };
  const probe: MetricBody<unknown> = {
    async compute(_, items) {
      const start = process.memoryUsage().arrayBuffers;
      const perItem: Record<string, Record<string, number>> = {};
      for (const { id, generated, reference } of items) {
        const values = [...(await valuesOf(generated)), ...(await valuesOf(reference))];
        perItem[id] = { generated: only(values.slice(0, 3)), reference: only(values.slice(3)) };
      }
      held = start;
      return { values: [], depends: {}, perItem };
    },
  };
  const input = {
    pipeline: {
      data: { clip: { frames } },
      generate: [{ name: "v2a", task: "v2a", split: "test" }],
      evaluate: [{ use: "probe", options: {} }],
    },
    context: { folder, signal: new AbortController().signal, progress: () => {} },
    inputs,
    component: async () => probe,
    metric: () => {},
  } as unknown as StageInput;
  const earlier = process.memoryUsage().arrayBuffers;
  await evaluate.run(input);
  expect(held - earlier).toBeLessThan(0.1 * count * frames * side * side * 3);
  const [scored] = JSON.parse(readFileSync(join(folder, metricsFile), "utf8")).v2a;
  expect(Object.keys(scored.result.perItem)).toEqual([...Array(count).keys()].map((i) => `c${i}`).concat("long"));
  expect(scored.result.perItem.c31).toEqual({ generated: 131, reference: 31 });
  expect(scored.result.perItem.long).toEqual({ generated: 100, reference: 7 });
});
