import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { testContext } from "../../test/context.js";
import { locateFfmpeg } from "./locate.js";

afterEach(() => vi.unstubAllEnvs());

describe("locateFfmpeg", () => {
  it("takes CMMD_FFMPEG first, and refuses one that cannot be run instead of looking further", async () => {
    const { folder, warn, warned } = await testContext();
    const own = join(folder, "my-ffmpeg");
    writeFileSync(own, "#!/bin/sh\n");
    vi.stubEnv("CMMD_FFMPEG", own);
    await expect(locateFfmpeg(warn)).rejects.toMatchObject({ code: "CMMD304", message: expect.stringContaining(own) });
    chmodSync(own, 0o755);
    expect(await locateFfmpeg(warn)).toBe(own);
    expect(warned).toEqual([]);
  });

  it("then searches PATH, then takes the bundled build with a warning", async () => {
    const { folder, warn, warned } = await testContext();
    const bin = join(folder, "bin");
    mkdirSync(join(bin, "ffmpeg"), { recursive: true });
    vi.stubEnv("CMMD_FFMPEG", "");
    vi.stubEnv("PATH", bin);
    const bundled = await locateFfmpeg(warn);
    expect(bundled).toContain("@ffmpeg-installer");
    expect(warned).toEqual([expect.stringContaining("bundled static build of 2018")]);
    const second = join(folder, "second");
    mkdirSync(second);
    copyFileSync(process.execPath, join(second, "ffmpeg"));
    chmodSync(join(second, "ffmpeg"), 0o755);
    vi.stubEnv("PATH", `${bin}${delimiter}${second}`);
    expect(await locateFfmpeg(warn)).toBe(join(second, "ffmpeg"));
    expect(warned.length).toBe(1);
  });
});
