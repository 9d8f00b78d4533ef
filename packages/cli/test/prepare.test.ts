import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cmmd, jsonLines } from "./process.js";

const folder = mkdtempSync(join(tmpdir(), "cmmd-prepare-"));
const media = join(folder, "media");

const pipeline = `cmmd: 1
device: cpu
data: { use: folder, root: ../media, max_rejected: 1, clip: { frames: 18, every: 18 } }
prepare:
  video: [{ use: fps, rate: 10 }, { use: center-crop }, { use: resize, size: 32 }]
  audio: [{ use: resample, rate: 16000 }, { use: mel }]
  shard_mb: 3
latents: { use: patch-pca, patch: 8, channels: 4 }
model: { use: cmmd-unet, channels: 32, multipliers: [1, 2], head_dim: 32, groups: 8 }
train: { steps: 1, batch: 1, losses: [{ use: diffusion }] }
`;

function place(name: string): string {
  const cwd = join(folder, name);
  mkdirSync(cwd);
  writeFileSync(join(cwd, "p.yaml"), pipeline);
  return cwd;
}

/** The artifact of `prepare` and the hash of each of its files. */
function artifact(cwd: string): { readonly path: string; readonly hashes: Record<string, string> } {
  const store = join(cwd, ".cmmd/store/prepare");
  const [name, ...others] = readdirSync(store);
  expect(others).toEqual([]);
  const path = join(store, name!);
  const files = readdirSync(path, { recursive: true, encoding: "utf8" }).filter((file) =>
    statSync(join(path, file)).isFile(),
  );
  const hash = (file: string) =>
    createHash("sha256")
      .update(readFileSync(join(path, file)))
      .digest("hex");
  return { path, hashes: Object.fromEntries(files.sort().map((file) => [file, hash(file)])) };
}

beforeAll(() => {
  const { path: ffmpeg } = createRequire(new URL("../../plugin-media/package.json", import.meta.url))(
    "@ffmpeg-installer/ffmpeg",
  ) as { path: string };
  mkdirSync(media);
  const film = (name: string, seconds: number) =>
    execFileSync(ffmpeg, [
      ...["-v", "error", "-f", "lavfi", "-i", `testsrc2=s=64x48:r=10:d=${seconds}`],
      ...["-f", "lavfi", "-i", `aevalsrc=0.5*sin(${300 * seconds}*t*t):s=22050:d=${seconds}`],
      ...["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", join(media, name)],
    ]);
  // The long one needs several runs of the decoder.
  film("long.mp4", 140);
  for (let i = 0; i < 4; i++) film(`short-${i}.mp4`, 4 + i);
  film("short-too.mp4", 1);
  writeFileSync(join(media, "cut.mp4"), readFileSync(join(media, "long.mp4")).subarray(0, 10_000));
  for (const name of readdirSync(media)) utimesSync(join(media, name), 1e9, 1e9);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("prepare", () => {
  const straight = () => join(folder, "straight");

  it("gives the same bytes whatever runs at once, and however often it is killed", async () => {
    place("straight");
    const run = ["run", "p.yaml", "prepare", "--json"];
    const first = await cmmd([...run, "prepare.parallel=1"], { cwd: straight() });
    expect([first.code, first.err]).toEqual([0, ""]);
    const killed = place("killed");
    for (const done of ["0.[5-9]", "[2-6]"]) {
      const at = new RegExp(`"stage":"prepare","done":${done}`);
      await cmmd([...run, "prepare.parallel=3"], { cwd: killed, stop: { at, signal: "SIGKILL" } });
    }
    const last = await cmmd([...run, "prepare.parallel=2"], { cwd: killed });
    expect([last.code, last.err]).toEqual([0, ""]);
    const { path, hashes } = artifact(straight());
    expect(artifact(killed).hashes).toEqual(hashes);
    expect(Object.keys(hashes).filter((name) => /^pictures\/shard/.test(name)).length).toBeGreaterThan(5);
    expect(jsonLines(readFileSync(join(path, "rejected.jsonl"), "utf8")).map(({ id, code }) => [id, code])).toEqual([
      ["cut", "CMMD301"],
      ["short-too", "CMMD310"],
    ]);
  }, 300_000);

  it("reads no media when it has been done before", async () => {
    // Other content under the same name, size and time: only its name, size and time can have been looked at.
    for (const name of readdirSync(media)) {
      const path = join(media, name);
      writeFileSync(path, new Uint8Array(statSync(path).size));
      utimesSync(path, 1e9, 1e9);
    }
    const again = await cmmd(["run", "p.yaml", "prepare", "--json"], { cwd: straight() });
    expect([again.code, again.err]).toEqual([0, ""]);
    expect(jsonLines(again.out).filter(({ state }) => state === "start")).toEqual([]);
  }, 60_000);
});
