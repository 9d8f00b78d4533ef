import { expect, it } from "vitest";
import { fuzz } from "../test/fuzz/run.js";

it("random programs compute what tfjs's cpu backend computes", { timeout: 600_000 }, async () => {
  // The same programs on every run, so that a change that fails is at fault; bench/jit-fuzz.js draws new ones.
  const seed = Number(process.env.CMMD_FUZZ_SEED ?? 1);
  console.log(`CMMD_FUZZ_SEED=${seed}`);
  const report = await fuzz({ seed, count: 300, shrunk: 3 });
  expect(report.failures.join("\n\n")).toBe("");
  expect(Object.keys(report.operators).length).toBeGreaterThan(120);
});
