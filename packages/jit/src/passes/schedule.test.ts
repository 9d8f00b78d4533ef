import { describe, expect, it } from "vitest";
import { Builder } from "../ir/builder.js";
import { Graph, Value as Tensor, type Value } from "../ir/graph.js";
import { anchor } from "./anchors.js";
import { lowerBarriers } from "./barrier.js";
import { fitWebGpu } from "./device-limits.js";
import { memoryPeak } from "./liveness.js";
import { schedule } from "./schedule.js";

/** A graph of one input x [1000]. */
function graphOf(build: (b: Builder, x: Value) => Value[]): Graph {
  const b = new Builder();
  const x = new Tensor([1000], "float32");
  const outputs = build(b, x);
  return new Graph("test", [x], b.nodes, outputs);
}

const ops = (graph: Graph) => graph.nodes.map(({ op }) => op);
const sum = (b: Builder, x: Value) => b.reduce("ReduceSum", x, [0], true);

describe("memoryPeak", () => {
  it("counts inputs, what is alive and results; operators by element write over an operand that is not needed again", () => {
    const peak = memoryPeak(
      graphOf((b, x) => {
        const y = b.op("Exp", [x]);
        const z = b.op("Sin", [b.op("Mul", [y, y])]);
        return [b.op("Add", [y, z])];
      }),
    );
    // x, y and the product; its sine lies over it, and the sum over one of them would, were it no result.
    expect(peak).toMatchObject({ bytes: 16_000, held: 4000, node: 3 });
    expect(peak.live.map(({ shape }) => shape)).toEqual([[1000], [1000], [1000]]);
  });

  it("reshapes and barriers take no memory", () => {
    const peak = memoryPeak(
      graphOf((b, x) => {
        const y = b.op("Exp", [x]);
        return [sum(b, b.reshape(b.op("Barrier", [b.reshape(y, [10, 100]), x]), [1000]))];
      }),
    );
    expect(peak.bytes).toBe(8004);
  });
});

describe("schedule", () => {
  it("computes what is large when it is needed, and reduces it at once", () => {
    const graph = graphOf((b, x) => {
      const far = b.op("Sin", [x]);
      const near = b.op("Exp", [x]);
      const back = b.op("Tanh", [near]);
      const small = sum(b, near);
      return [b.op("Add", [sum(b, back), small]), sum(b, far)];
    });
    expect(ops(schedule(graph))).toEqual(["Exp", "Tanh", "ReduceSum", "ReduceSum", "Add", "Sin", "ReduceSum"]);
    expect(memoryPeak(graph).bytes).toBe(16_004);
    expect(memoryPeak(schedule(graph)).bytes).toBe(12_004);
  });
});

describe("anchor", () => {
  it("puts an end of the graph behind what would be left until the end", () => {
    // Of every layer a sum, all put together in one result: the runtime starts with the other one, the last layer.
    const graph = graphOf((b, x) => {
      const sums: Value[] = [];
      let y = x;
      for (let i = 0; i < 1500; i++) {
        y = b.op("Softmax", [y], { axis: 0 });
        sums.push(sum(b, y));
      }
      return [b.op("Exp", [y]), b.op("Concat", sums, { axis: 0 })];
    });
    const { nodes } = anchor(graph);
    expect(nodes.slice(0, 4).map(({ op }) => op)).toEqual(["Softmax", "ReduceSum", "Flatten", "Softmax"]);
    expect(nodes[2]!.inputs).toEqual(nodes[1]!.outputs);
  });

  it("leaves alone what runs in order anyway", () => {
    const graph = graphOf((b, x) => [sum(b, b.op("Exp", [b.op("Sin", [x])]))]);
    expect(anchor(graph).nodes).toEqual(graph.nodes);
  });
});

describe("barriers", () => {
  const graph = graphOf((b, x) => [b.op("Barrier", [b.op("Exp", [x]), b.op("Sin", [x])])]);
  const text = (graph: Graph) => String(graph).split("\n").slice(3, -1).map((line) => line.trim()); // biome-ignore format: short

  it("on the CPU are a view whose axis is computed", () => {
    expect(text(lowerBarriers(graph))).toEqual([
      "%3: float32[1] = Slice(%2) starts=[0] ends=[1] axes=[0] steps=[1]",
      "%4: int64[1] = Cast(%3) to=int64",
      "%5: int64[1] = Sub(%4, %4)",
      "%6: float32[1,1000] = Unsqueeze(%1, %5)",
      "%7: float32[1000] = Reshape(%6) shape=[1000]",
    ]);
  });

  it("on GPUs are a choice between the same", () => {
    expect(text(fitWebGpu(graph)).slice(-2)).toEqual([
      "%5: bool[] = Greater(%4, 0)",
      "%6: float32[1000] = Where(%5, %1, %1)",
    ]);
  });
});
