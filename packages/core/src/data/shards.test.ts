import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readShards, ShardWriter } from "./shards.js";

const newFolder = () => mkdtempSync(join(tmpdir(), "cmmd-shards-"));
const bytesOf = (folder: string) =>
  Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name)).toString("base64")]));
const tensor = (length: number, fill: number) => ({ shape: [length], data: new Float32Array(length).fill(fill) });

/** Writes clips of the given lengths (of two tensors each); stops before clip `stop` without closing, as a kill would. */
async function write(folder: string, lengths: readonly number[], shardBytes: number, stop = Number.POSITIVE_INFINITY) {
  const writer = await ShardWriter.open(folder, { shardBytes });
  for (const [i, length] of lengths.entries()) {
    if (i >= stop) return;
    const id = `clip.${i}`;
    if (!writer.has(id)) await writer.add(id, { a: tensor(length, i), b: tensor(1, -i) }, { split: "train", place: i });
  }
  await writer.close();
}

describe("shards", () => {
  it("give back what was written, in order", async () => {
    const folder = newFolder();
    await write(folder, [5, 100, 3, 3, 200], 256);
    const shards = await readShards(folder);
    expect(shards.index.map(({ id }) => id)).toEqual(["clip.0", "clip.1", "clip.2", "clip.3", "clip.4"]);
    expect(new Set(shards.index.map(({ shard }) => shard))).toEqual(
      new Set(["shard-00000.safetensors", "shard-00001.safetensors"]),
    );
    expect(shards.index[3]).toEqual({ id: "clip.3", shard: "shard-00001.safetensors", split: "train", place: 3 });
    expect(await shards.tensor("clip.1", "a")).toEqual(tensor(100, 1));
    expect(await shards.tensor("clip.4", "b")).toEqual(tensor(1, -4));
    await expect(shards.tensor("clip.9", "a")).rejects.toThrow(/no clip/);
  });

  it("have the same bytes after any number of kills", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 16, max: 600 }),
        fc.array(fc.nat(20), { maxLength: 3 }),
        async (lengths, shardBytes, stops) => {
          const [straight, killed] = [newFolder(), newFolder()];
          await write(straight, lengths, shardBytes);
          for (const stop of stops) await write(killed, lengths, shardBytes, stop);
          await write(killed, lengths, shardBytes);
          expect(bytesOf(killed)).toEqual(bytesOf(straight));
          for (const folder of [straight, killed]) rmSync(folder, { recursive: true });
        },
      ),
      { numRuns: 30 },
    );
  });

  it("survive a kill at every byte of the index", async () => {
    const straight = newFolder();
    const lengths = [20, 20, 20, 20, 20];
    await write(straight, lengths, 120);
    const expected = bytesOf(straight);
    const index = join(straight, "index.jsonl");
    const size = readFileSync(index).length;
    for (let at = 0; at < size; at += 7) {
      truncateSync(index, at);
      await write(straight, lengths, 120);
      expect(bytesOf(straight)).toEqual(expected);
    }
  });

  it("drop a shard that was written but not indexed, and a torn line", async () => {
    const folder = newFolder();
    await write(folder, [20, 20, 20], 100, 2);
    appendFileSync(join(folder, "index.jsonl"), '{"id":"clip.2","sha');
    writeFileSync(join(folder, "shard-00001.safetensors"), "half");
    writeFileSync(join(folder, "shard-00001.safetensors.tmp"), "less");
    const writer = await ShardWriter.open(folder, { shardBytes: 100 });
    expect(writer.index.map(({ id }) => id)).toEqual(["clip.0", "clip.1"].slice(0, writer.index.length));
    expect(writer.has("clip.2")).toBe(false);
    expect(readdirSync(folder).filter((name) => name.includes("00001"))).toEqual([]);
  });

  it("refuse a damaged index and a clip that is added twice", async () => {
    const folder = newFolder();
    const writer = await ShardWriter.open(folder);
    await writer.add("x", { a: tensor(1, 1) }, {});
    await expect(writer.add("x", { a: tensor(1, 1) }, {})).rejects.toThrow(/twice/);
    writeFileSync(join(folder, "index.jsonl"), "nonsense\n");
    await expect(readShards(folder)).rejects.toMatchObject({ code: "CMMD412" });
  });
});
