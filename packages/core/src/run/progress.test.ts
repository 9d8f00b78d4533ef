import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CmmdError, CmmdErrors } from "../errors.js";
import { newAbortFlag, signalOf } from "./abort.js";
import { flattenError, restoreError } from "./messages.js";
import { TimeLeft } from "./progress.js";

describe("TimeLeft", () => {
  it("is exact at a steady speed, from wherever a stage resumes", () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.double({ min: 0.01, max: 50, noNaN: true }), fc.nat(60), (start, pace, steps) => {
        const left = new TimeLeft();
        expect(left.update(start, 5000, 7)).toBeUndefined();
        for (let i = 1; i <= steps + 1; i++) {
          const expected = (5000 - start - i) * pace;
          expect(left.update(start + i, 5000, 7 + i * pace)! / expected).toBeCloseTo(1, 9);
        }
      }),
    );
  });

  it("follows a change of speed and a new count", () => {
    const left = new TimeLeft();
    let time = 0;
    for (let i = 0; i <= 100; i++) left.update(i, 1000, time++);
    let seconds: number | undefined;
    for (let i = 101; i <= 500; i++) {
      time += 0.2;
      seconds = left.update(i, 1000, time);
    }
    expect(seconds! / (500 * 0.2)).toBeGreaterThan(0.95);
    expect(seconds! / (500 * 0.2)).toBeLessThan(1.15);
    expect(left.update(0, 10, time)).toBeUndefined();
  });
});

describe("errors between threads", () => {
  it("keep code, hint, place and exit code through structuredClone", () => {
    const place = { file: "p.yaml", line: 3, column: 5, length: 2 };
    const error = new CmmdError("CMMD521", "the loss became NaN", { hint: "lower the rate", place, exitCode: 2 });
    const restored = restoreError(structuredClone(flattenError(error)));
    expect(restored).toBeInstanceOf(CmmdError);
    expect(restored).toMatchObject({ code: "CMMD521", message: error.message, hint: error.hint, place, exitCode: 2 });
    expect(restored.stack).toBe(error.stack);
    const both = restoreError(structuredClone(flattenError(new CmmdErrors([error, error]))));
    expect(both).toBeInstanceOf(CmmdErrors);
    const system = Object.assign(new Error("ENOSPC: no space"), { code: "ENOSPC", path: "/x" });
    expect(restoreError(structuredClone(flattenError(system)))).toMatchObject({ code: "ENOSPC", path: "/x" });
    expect(restoreError(structuredClone(flattenError("text"))).message).toBe("text");
  });
});

describe("signalOf", () => {
  it("sees the flag without a message and fires listeners once", () => {
    const flag = newAbortFlag();
    const { signal, check } = signalOf(flag);
    let fired = 0;
    signal.addEventListener("abort", () => fired++);
    expect(signal.aborted).toBe(false);
    signal.throwIfAborted();
    Atomics.store(flag, 0, 1);
    expect(() => signal.throwIfAborted()).toThrow("interrupted");
    check();
    expect([signal.aborted, fired, (signal.reason as Error).name]).toEqual([true, 1, "AbortError"]);
  });
});
