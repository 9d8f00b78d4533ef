import { expect, it } from "vitest";
import { Meter } from "./meter.js";

it("says nothing of the speed after one run, in which programs were compiled", () => {
  const meter = new Meter();
  meter.run(1, 0, 5000);
  expect(Object.keys(meter.figures(8))).toEqual(["peak_memory_mb"]);
  expect(meter.summary(8)).toMatch(/^\d+ MB at most$/);
  meter.run(4, 1, 4);
  expect(meter.figures(8).data_wait_share).toBe(0.25);
  expect(meter.summary(8)).toMatch(/clips per second; 25\.00 % of the steps' time was spent waiting for data; \d+ MB/);
});
