import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Recording } from "@cmmd/core";
import { describe, expect, it } from "vitest";
import { testContext } from "../../test/context.js";
import type { SyntheticOptions } from "./options.js";
import { syntheticDataset } from "./render.js";

const small: SyntheticOptions = {
  scene: "bench",
  clips: { train: 4, test: 2 },
  seconds: 2,
  size: 64,
  rate: 30,
  distractors: 0.15,
  noise_db: -62,
  variety: 1,
};

/** SHA-256 of every file, by relative name. */
function digests(folder: string): Record<string, string> {
  const names = (readdirSync(folder, { recursive: true }) as string[]).sort();
  return Object.fromEntries(
    names
      .filter((name) => statSync(join(folder, name)).isFile())
      .map((name) => [
        name,
        createHash("sha256")
          .update(readFileSync(join(folder, name)))
          .digest("hex"),
      ]),
  );
}

async function rendered(options: SyntheticOptions) {
  const context = await testContext();
  await syntheticDataset.render!(options, context);
  const recordings: Recording[] = [];
  for await (const recording of syntheticDataset.clips(options, context)) recordings.push(recording);
  return { context, recordings };
}

describe("rendering", () => {
  it.each(["bench", "dancer"] as const)(
    "gives the same bytes for the same seed, others for another: %s",
    async (scene) => {
      const options = { ...small, scene, clips: { train: 2, test: 1 } };
      const first = digests((await rendered(options)).context.folder);
      expect(digests((await rendered({ ...options, seed: 7 })).context.folder)).toEqual(first);
      const other = digests((await rendered({ ...options, seed: 8 })).context.folder);
      expect(Object.values(other).filter((digest) => Object.values(first).includes(digest))).not.toContain(
        Object.entries(first).find(([name]) => /\.mp4$/i.test(name))![1],
      );
    },
  );

  it("offers what it rendered: files, splits, durations and events", async () => {
    const { recordings } = await rendered(small);
    expect(recordings.map(({ id, split }) => [id, split])).toEqual([
      ...["P01_01", "P01_02", "P01_03", "P01_04"].map((id) => [id, "train"]),
      ...["P01_05", "P01_06"].map((id) => [id, "test"]),
    ]);
    for (const { media, duration, events } of recordings) {
      expect([statSync(media).isFile(), duration]).toEqual([true, 2]);
      for (const event of events!) expect(event > 0 && event < 2).toBe(true);
    }
  });

  it("says so when nothing has been rendered", async () => {
    const context = await testContext();
    const first = syntheticDataset.clips(small, context)[Symbol.asyncIterator]().next();
    await expect(first).rejects.toMatchObject({ code: "CMMD312" });
  });

  it("stops between frames when it is interrupted", async () => {
    const interrupted = new AbortController();
    const context = { ...(await testContext()), signal: interrupted.signal };
    const rendering = syntheticDataset.render!({ ...small, seconds: 60 }, context);
    setTimeout(() => interrupted.abort(new Error("interrupted")), 300);
    await expect(rendering).rejects.toThrow("interrupted");
    expect(Object.keys(digests(context.folder)).filter((name) => !name.endsWith(".json"))).toEqual([]);
  });

  const child = fileURLToPath(new URL("./fixtures/render-child.js", import.meta.url));
  const built = existsSync(fileURLToPath(new URL("../../dist/synthetic/render.js", import.meta.url)));
  if (!built) console.log("skipped: the kill test runs the built package; build it with `npm run build`");

  it.skipIf(!built)("goes on after kill -9 and ends with the same bytes", async () => {
    const straight = (await testContext()).folder;
    const killed = (await testContext()).folder;
    const start = (folder: string) =>
      spawn(process.execPath, [child, folder, "3", JSON.stringify(small)], { stdio: ["ignore", "pipe", "inherit"] });
    const ended = (process: ReturnType<typeof start>) =>
      new Promise((resolve) => process.once("close", (code, signal) => resolve(signal ?? code)));
    expect(await ended(start(straight))).toBe(0);
    for (const stopAfter of [1, 3]) {
      const process = start(killed);
      process.stdout.on("data", (text: Buffer) => {
        if (
          text
            .toString()
            .split("\n")
            .some((line) => Number(line) >= stopAfter)
        )
          process.kill("SIGKILL");
      });
      expect(await ended(process)).toBe("SIGKILL");
    }
    const kept = Object.keys(digests(killed)).filter((name) => name.endsWith(".MP4"));
    const written = kept.map((name) => statSync(join(killed, name)).mtimeMs);
    expect(kept.length).toBeGreaterThan(0);
    expect(await ended(start(killed))).toBe(0);
    expect(kept.map((name) => statSync(join(killed, name)).mtimeMs)).toEqual(written);
    expect(digests(killed)).toEqual(digests(straight));
  });
});
