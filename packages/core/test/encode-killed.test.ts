import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { ClipWriter } from "../src/stages/clip-writer.js";

const main = fileURLToPath(new URL("./fixtures/encode.js", import.meta.url));
const [clips, count, every, side] = [60, 8, 3, 192];

/** Clips of a recording that overlap. */
async function prepared(folder: string): Promise<string> {
  const size = side * side * 3;
  const writer = await ClipWriter.open(folder);
  for (let i = 0; i < clips; i++) {
    const data = new Uint8Array(count * size);
    for (let f = 0; f < count; f++) data.subarray(f * size, (f + 1) * size).fill((i * every + f) % 251);
    for (let f = 0; f < count; f++) data[f * size] = (i * every + f) >> 2;
    await writer.add(`clip${i}`, { frames: { shape: [count, side, side, 3], data } }, { split: "train", before: 1 });
  }
  await writer.close();
  return folder;
}

/** Encodes, and kills the process once so many clips are done. Gives how many it began with. */
function encode(store: string, prepare: string, stopAt = Number.POSITIVE_INFINITY): Promise<number> {
  const child = spawn(process.execPath, [main, store, prepare], { stdio: ["ignore", "pipe", "inherit"] });
  let first: number | undefined;
  createInterface({ input: child.stdout }).on("line", (line) => {
    first ??= Math.floor(Number(line));
    if (Number(line) >= stopAt) child.kill("SIGKILL");
  });
  return new Promise((resolve, reject) =>
    child.once("close", (code, signal) =>
      code === 0 || signal === "SIGKILL" ? resolve(first!) : reject(new Error(`ended with ${code}`)),
    ),
  );
}

const hashes = (folder: string) =>
  Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map((name) => [
        name,
        createHash("sha256")
          .update(readFileSync(join(folder, name)))
          .digest("hex"),
      ]),
  );

it("gives the same bytes after being killed, without beginning anew", async () => {
  const root = mkdtempSync(join(tmpdir(), "cmmd-killed-"));
  const clipsFolder = await prepared(join(root, "prepared"));
  await encode(join(root, "whole"), clipsFolder);
  const expected = hashes(join(root, "whole", "encode"));
  expect(Object.keys(expected).filter((name) => name.startsWith("shard"))).toHaveLength(4);
  const killed = join(root, "killed");
  // In the last of four groups: those before the third are on disk then.
  expect(await encode(killed, clipsFolder, 55)).toBeLessThan(18);
  expect(await encode(killed, clipsFolder, 55)).toBeGreaterThanOrEqual(18);
  expect(await encode(killed, clipsFolder)).toBeGreaterThanOrEqual(18);
  expect(hashes(join(killed, "encode"))).toEqual(expected);
  rmSync(root, { recursive: true });
}, 90_000);
