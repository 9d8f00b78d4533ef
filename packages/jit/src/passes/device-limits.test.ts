import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Builder } from "../ir/builder.js";
import { Graph, Value } from "../ir/graph.js";
import { deadCode } from "./dead-code.js";
import { fitWebGpu } from "./device-limits.js";

/** x cut into parts of the given sizes and put together again. */
function cutAndJoin(sizes: readonly number[]): Graph {
  const b = new Builder();
  const x = new Value([2, sizes.reduce((a, c) => a + c, 0)], "float32");
  const parts = b.ops("Split", [x], { axis: 1, split: sizes });
  return new Graph("cut", [x], b.nodes, [b.op("Concat", parts, { axis: 1 }), ...parts]);
}

describe("fitWebGpu", () => {
  it("makes a tree of a wide Split and a wide Concat", () => {
    expect(String(fitWebGpu(cutAndJoin(Array<number>(9).fill(1))))).toBe(
      [
        "program cut(%0: float32[2,9])",
        "  %1: float32[2,1], %2: float32[2,1], %3: float32[2,1], %4: float32[2,2], %5: float32[2,1], %6: float32[2,1], %7: float32[2,2] = Split(%0) axis=1 split=[1,1,1,2,1,1,2]",
        "  %8: float32[2,1], %9: float32[2,1] = Split(%4) axis=1 split=[1,1]",
        "  %10: float32[2,1], %11: float32[2,1] = Split(%7) axis=1 split=[1,1]",
        "  %12: float32[2,2] = Concat(%8, %9) axis=1",
        "  %13: float32[2,2] = Concat(%10, %11) axis=1",
        "  %14: float32[2,9] = Concat(%1, %2, %3, %12, %5, %6, %13) axis=1",
        "  return %14, %1, %2, %3, %8, %9, %5, %6, %10, %11",
      ].join("\n"),
    );
  });

  it("keeps sizes and order, and no node has more than 8 tensors", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 2, maxLength: 400 }), (sizes) => {
        const fitted = deadCode(fitWebGpu(cutAndJoin(sizes)));
        for (const { inputs, outputs } of fitted.nodes) expect(inputs.length + outputs.length).toBeLessThanOrEqual(8);
        const [joined, ...parts] = fitted.outputs;
        expect(joined!.shape).toEqual(fitted.inputs[0]!.shape);
        expect(parts.map(({ shape }) => shape[1])).toEqual(sizes);
      }),
      { numRuns: 50, seed: 1 },
    );
  });

  it("leaves a narrow graph as it is", () => {
    const graph = cutAndJoin([1, 2, 3, 4, 5, 6, 7]);
    expect(String(fitWebGpu(graph))).toBe(String(graph));
  });
});
