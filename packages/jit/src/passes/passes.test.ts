import { describe, expect, it } from "vitest";
import { Builder } from "../ir/builder.js";
import { Graph, Value } from "../ir/graph.js";
import { simplify } from "./algebra.js";
import { commonSubexpressions } from "./common-subexpressions.js";
import { foldConstants } from "./constants.js";
import { deadCode } from "./dead-code.js";
import { cancelLayout } from "./layout.js";
import { splitTransposes } from "./split-transposes.js";

/** The text of a graph of one input x [2, 3] after a pass, without the program's first line. */
function after(pass: (graph: Graph) => Graph, build: (b: Builder, x: Value) => Value | Value[]): string[] {
  const b = new Builder();
  const x = new Value([2, 3], "float32");
  const outputs = [build(b, x)].flat();
  return String(pass(new Graph("test", [x], b.nodes, outputs)))
    .split("\n")
    .slice(1)
    .map((line) => line.trim());
}

describe("passes", () => {
  it("dead code goes", () => {
    const text = after(deadCode, (b, x) => {
      b.op("Exp", [x]);
      return b.op("Neg", [x]);
    });
    expect(text).toEqual(["%1: float32[2,3] = Neg(%0)", "return %1"]);
  });

  it("equal expressions are computed once, constants compared by content", () => {
    const text = after(commonSubexpressions, (b, x) => [
      b.op("Add", [b.op("Exp", [x]), b.scalar(2)]),
      b.op("Add", [b.op("Exp", [x]), b.scalar(2)]),
      b.op("Add", [b.op("Exp", [x]), b.scalar(3)]),
    ]);
    expect(text).toEqual([
      "%1: float32[2,3] = Exp(%0)",
      "%2: float32[2,3] = Add(%1, 2)",
      "%3: float32[2,3] = Add(%1, 3)",
      "return %2, %2, %3",
    ]);
  });

  it("constants are folded: arithmetic with broadcasting, transposes", () => {
    const text = after(foldConstants, (b, x) => {
      const row = b.constant(Float32Array.of(1, 2, 3), [3], "float32");
      const column = b.constant(Float32Array.of(10, 20), [2, 1], "float32");
      const sum = b.op("Add", [row, column]);
      return [b.op("Mul", [x, b.op("Mul", [b.scalar(2), b.scalar(3)])]), b.transpose(sum, [1, 0])];
    });
    expect(text).toEqual(["%1: float32[2,3] = Mul(%0, 6)", "return %1, float32[3,2]{11,21,12,22,13,23}"]);
  });

  it("a weight that is kept in the layout of its use and shown in another costs nothing", () => {
    const text = after(cancelLayout, (b, x) => {
      // Kept as [1, 3, C, O], shown as [O, C, 1, 3], used as [taps, C, O]; and a gradient's way back.
      const kept = b.reshape(b.op("Concat", [x, x, x, x], { axis: 0 }), [1, 3, 4, 2]);
      const shown = b.reshape(b.transpose(kept, [3, 2, 0, 1]), [2, 4, 3, 1]);
      const used = b.op("Exp", [b.transpose(b.reshape(shown, [2, 4, 3]), [2, 1, 0])]);
      const back = b.reshape(b.transpose(used, [2, 1, 0]), [2, 4, 1, 3]);
      return b.reshape(b.transpose(back, [2, 3, 1, 0]), [24]);
    });
    expect(deadLines(text)).toEqual([
      "%1: float32[8,3] = Concat(%0, %0, %0, %0) axis=0",
      "%6: float32[3,4,2] = Reshape(%1) shape=[3,4,2]",
      "%8: float32[3,4,2] = Exp(%6)",
      "%12: float32[24] = Reshape(%8) shape=[24]",
      "return %12",
    ]);
  });

  it("a reshape that joins axes which are no neighbours keeps its transpose", () => {
    const text = after(cancelLayout, (b, x) => b.reshape(b.transpose(x, [1, 0]), [6]));
    expect(text).toEqual([
      "%1: float32[3,2] = Transpose(%0) perm=[1,0]",
      "%2: float32[6] = Reshape(%1) shape=[6]",
      "return %2",
    ]);
  });

  it("neutral elements and spread operands vanish, biases join their product", () => {
    const text = after(simplify, (b, x) => {
      const spread = b.op("Mul", [x, b.full(2, [2, 3], "float32")]);
      const bias = b.constant(Float32Array.of(1, 2), [2], "float32");
      const product = b.op("Gemm", [x, x], { transA: 0, transB: 1 });
      return [b.op("Add", [b.op("Mul", [spread, b.scalar(1)]), b.scalar(0)]), b.op("Add", [product, bias])];
    });
    expect(deadLines(text)).toEqual([
      "%2: float32[2,3] = Mul(%0, 2)",
      "%4: float32[2,2] = Gemm(%0, %0, float32[2]{1,2}) transA=0 transB=1",
      "return %2, %4",
    ]);
  });

  it("a reshape that broadcasting does anyway is absorbed; one that moves sizes is not", () => {
    const text = after(simplify, (b, x) => {
      const row = b.reduce("ReduceSum", x, [0], false);
      const column = b.reshape(b.reduce("ReduceSum", x, [1], false), [2, 1]);
      return [b.op("Add", [x, b.reshape(row, [1, 3])]), b.op("Add", [x, column])];
    });
    expect(deadLines(text)).toEqual([
      "%1: float32[3] = ReduceSum(%0) axes=[0] keepdims=0",
      "%2: float32[2] = ReduceSum(%0) axes=[1] keepdims=0",
      "%3: float32[2,1] = Reshape(%2) shape=[2,1]",
      "%5: float32[2,3] = Add(%0, %1)",
      "%6: float32[2,3] = Add(%0, %3)",
      "return %5, %6",
    ]);
  });

  it("a reduction over axes of size 1 is a reshape", () => {
    const text = after(simplify, (b, x) => b.reduce("ReduceMax", b.reshape(x, [2, 1, 3]), [1], false));
    expect(text.join()).not.toContain("ReduceMax");
  });

  it("a sum over many rows goes in two stages, one over few does not", () => {
    const text = after(simplify, (b, x) => {
      const many = b.expand(b.reshape(x, [6, 1]), [6, 512]);
      return [b.reduce("ReduceSum", b.reshape(many, [1536, 2]), [0], true), b.reduce("ReduceSum", x, [0], false)];
    });
    expect(deadLines(text).slice(-6)).toEqual([
      "%4: float32[8,192,2] = Reshape(%3) shape=[8,192,2]",
      "%5: float32[8,2] = ReduceSum(%4) axes=[1] keepdims=0",
      "%6: float32[2] = ReduceSum(%5) axes=[0] keepdims=0",
      "%7: float32[1,2] = Reshape(%6) shape=[1,2]",
      "%8: float32[3] = ReduceSum(%0) axes=[0] keepdims=0",
      "return %7, %8",
    ]);
  });

  it("transposes sink, meet and cancel; reshapes merge", () => {
    const text = after(cancelLayout, (b, x) => {
      const t = b.op("Exp", [b.transpose(x, [1, 0])]);
      const reshaped = b.reshape(b.reshape(b.op("Add", [t, b.scalar(1)]), [6]), [1, 6]);
      return [
        b.transpose(b.op("Mul", [b.op("Abs", [b.transpose(x, [1, 0])]), b.scalar(2)]), [1, 0]),
        b.transpose(reshaped, [1, 0]),
      ];
    });
    const kept = deadLines(text);
    expect(kept.filter((line) => line.includes("Transpose")).length).toBe(1);
    expect(kept.filter((line) => line.includes("Reshape")).length).toBe(1);
    expect(kept.at(-1)).toMatch(/^return/);
  });

  it("a transpose that moves single numbers becomes an exchange of two axes and a move of rows", () => {
    const filter = new Value([64, 32, 9], "float32");
    const lines = (perm: readonly number[]) => {
      const b = new Builder();
      const outputs = [b.transpose(filter, perm)];
      return String(splitTransposes(new Graph("t", [filter], b.nodes, outputs)))
        .split("\n")
        .slice(1, -1);
    };
    expect(lines([2, 1, 0])).toEqual([
      "  %1: float32[1,64,288] = Reshape(%0) shape=[1,64,288]",
      "  %2: float32[1,288,64] = Transpose(%1) perm=[0,2,1]",
      "  %3: float32[32,9,64] = Reshape(%2) shape=[32,9,64]",
      "  %4: float32[9,32,64] = Transpose(%3) perm=[1,0,2]",
    ]);
    expect(lines([1, 2, 0])).toEqual(["  %1: float32[32,9,64] = Transpose(%0) perm=[1,2,0]"]);
    expect(lines([1, 0, 2])).toEqual(["  %1: float32[32,64,9] = Transpose(%0) perm=[1,0,2]"]);
  });
});

/** The lines whose results are used by a later line. */
function deadLines(text: readonly string[]): string[] {
  const kept: string[] = [];
  for (const line of text.toReversed()) {
    const [name] = line.split(":");
    const used = kept.some(
      (later) =>
        new RegExp(`${name}(?![0-9])`).test(later.split("=").at(-1)!) ||
        new RegExp(`${name}(?![0-9])`).test(later.split(" = ")[1] ?? ""),
    );
    if (line.startsWith("return") || used) kept.unshift(line);
  }
  return kept;
}
