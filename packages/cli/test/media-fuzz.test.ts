import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const bench = fileURLToPath(new URL("../../../bench/media-fuzz.js", import.meta.url));

it.skipIf(process.platform !== "linux")(
  "damaged media end as clips or as rejections with a reason (seed 40)",
  () => {
    const { stdout, stderr, status } = spawnSync(process.execPath, [bench, "--count", "40", "--seed", "40"], {
      encoding: "utf8",
    });
    console.log(stdout.trim());
    expect(status, stdout + stderr).toBe(0);
  },
  600_000,
);
