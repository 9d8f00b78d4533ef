import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { availableFfmpegs } from "../../test/ffmpegs.js";
import { runFfmpeg } from "./process.js";

const { signal } = new AbortController();

/** Twenty minutes of noise, read at the pace of its consumer. */
const noise = ["-f", "lavfi", "-i", "anoisesrc=d=1200:r=48000", "-f", "f32le", "pipe:1"];

describe.each(availableFfmpegs())("runFfmpeg ($name)", ({ path }) => {
  it("returns the exit code and the words of a run that failed", async () => {
    const finished = await runFfmpeg(path, ["-i", "file:/nowhere.mp4"], { signal });
    expect(finished.exitCode).not.toBe(0);
    expect(finished.stderr).toContain("No such file");
  });

  it("ends the process and throws the reason when aborted in the middle of the output", async () => {
    const abort = new AbortController();
    let bytes = 0;
    const consume = (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > 1 << 18) abort.abort(new Error("interrupted"));
    };
    const running = runFfmpeg(path, noise, { signal: abort.signal, outputs: { 1: consume } });
    await expect(running).rejects.toThrow("interrupted");
    expect(bytes).toBeLessThan(1200 * 48000 * 4);
  });

  it("ends the process when enough was given, which is no failure", async () => {
    const enough = new AbortController();
    const consume = () => enough.abort();
    const finished = await runFfmpeg(path, noise, { signal, enough: enough.signal, outputs: { 1: consume } });
    expect(finished).toMatchObject({ exitCode: 0, stderr: expect.stringContaining("Input #0") });
  });

  it("ends the process and throws what the consumer threw", async () => {
    const consume = () => {
      throw new Error("disk full");
    };
    await expect(runFfmpeg(path, noise, { signal, outputs: { 1: consume } })).rejects.toThrow("disk full");
  });

  it.skipIf(process.platform === "win32")("ends a process that says nothing for too long", async () => {
    const folder = mkdtempSync(join(tmpdir(), "cmmd-hung-"));
    const pipe = join(folder, "pipe.mp4");
    // Opening a pipe waits until somebody writes to it.
    execFileSync("mkfifo", [pipe]);
    await expect(runFfmpeg(path, ["-i", `file:${pipe}`], { signal, patience: 0.5 })).rejects.toMatchObject({
      code: "CMMD515",
      message: expect.stringContaining(pipe),
    });
  });

  it("does not start when already aborted, and says when there is nothing to start", async () => {
    const stopped = { signal: AbortSignal.abort(new Error("interrupted")) };
    await expect(runFfmpeg(path, noise, stopped)).rejects.toThrow("interrupted");
    await expect(runFfmpeg("/nowhere/ffmpeg", [], { signal })).rejects.toMatchObject({
      code: "CMMD304",
      message: expect.stringContaining("/nowhere/ffmpeg"),
    });
  });
});
