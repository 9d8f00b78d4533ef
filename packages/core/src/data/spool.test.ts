import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { writeSafetensors } from "./safetensors.js";
import { Spool } from "./spool.js";

it("gives the bytes that a file written at once has, and leaves nothing else", async () => {
  const folder = mkdtempSync(join(tmpdir(), "cmmd-spool-"));
  const values = (length: number) => Array.from({ length }, (_, i) => (i * 7) % 251);
  const tensors = {
    pixels: { shape: [5, 3], data: Uint8Array.from(values(15)) },
    sound: { shape: [9], data: Float32Array.from(values(9)) },
    empty: { shape: [0], data: new Float32Array() },
    more: { shape: [5_000_001], data: new Uint8Array(5_000_001).fill(7) },
    counts: { shape: [2, 1], data: Int32Array.of(-1, 7) },
  };
  await writeSafetensors(join(folder, "at-once"), tensors);
  const spool = new Spool(join(folder, "spooled"));
  for (const [name, tensor] of Object.entries(tensors)) await spool.add(name, tensor);
  await spool.finish();
  expect(readdirSync(folder).sort()).toEqual(["at-once", "spooled"]);
  expect(readFileSync(join(folder, "spooled")).equals(readFileSync(join(folder, "at-once")))).toBe(true);
});
