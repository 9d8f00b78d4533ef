import fc from "fast-check";
import { expect, it } from "vitest";
import { sizeOf } from "../ir/graph.js";
import { flipped } from "./filtering.js";
import { type Geometry, inputOfOutput, outputOfInput } from "./geometry.js";
import { positionsOfInputs, positionsOfOutputs, type Tiling, tilingsOf, transposedGeometry } from "./tiling.js";

const wave = (step: number, length: number) => Float64Array.from({ length }, (_, i) => Math.sin(step * (i + 1)));

/** The sum over the taps that a table of positions gives. */
const byDefinition = (table: Int32Array, x: Float64Array, filter: Float64Array) =>
  Float64Array.from({ length: table.length / filter.length }, (_, at) =>
    filter.reduce((sum, w, tap) => sum + w * (x[table[at * filter.length + tap]!] ?? 0), 0),
  );

/** The element of one matrix along each axis at a cell of a tile and another of another size. */
function product(tiling: Tiling, matrix: "a" | "g" | "bTransposed", row: number, column: number): number {
  let [r, c, result] = [row, column, 1];
  for (const axis of tiling.axes.toReversed()) {
    const [rows, columns] = [axis[matrix].length, axis[matrix][0]!.length];
    result *= axis[matrix][r % rows]![c % columns]!;
    [r, c] = [Math.floor(r / rows), Math.floor(c / columns)];
  }
  return result;
}

/** The convolution of two images x by tiles. */
function byTiles(tiling: Tiling, x: Float64Array, filter: Float64Array): Float64Array {
  const { cells, outputs, tiles, of } = tiling;
  const images = { first: 0, count: 2 };
  const count = images.count * sizeOf(tiles);
  const [from, to] = [positionsOfInputs(tiling, images), positionsOfOutputs(tiling, images)];
  const y = new Float64Array(images.count * sizeOf(of.output));
  const sum = (length: number, term: (i: number) => number) =>
    Array.from({ length }, (_, i) => term(i)).reduce((a, b) => a + b, 0);
  for (let tile = 0; tile < count; tile++) {
    const products = Array.from(
      { length: cells },
      (_, cell) =>
        sum(tiling.inputs, (j) => product(tiling, "bTransposed", cell, j) * (x[from[j * count + tile]!] ?? 0)) *
        sum(filter.length, (tap) => product(tiling, "g", cell, tap) * filter[tap]!),
    );
    for (let output = 0; output < outputs; output++) {
      const position = to[output * count + tile]!;
      if (position >= 0) y[position] = sum(cells, (cell) => product(tiling, "a", cell, output) * products[cell]!);
    }
  }
  return y;
}

const axis = fc.record({
  input: fc.integer({ min: 1, max: 20 }),
  dilation: fc.integer({ min: 1, max: 3 }),
  pad: fc.integer({ min: 0, max: 4 }),
});
const pair = fc.constant({ input: 2, dilation: 1, pad: 1 });
const axes = fc.oneof({ weight: 3, arbitrary: axis }, { weight: 1, arbitrary: pair });
const geometries = fc
  .tuple(fc.constantFrom([2], [3], [5], [7], [3, 1], [3, 3], [2, 5]), axes, axes)
  .map(([kernel, ...axes]): Geometry => {
    const each = <T>(of: (one: (typeof axes)[0], size: number) => T) => kernel.map((size, i) => of(axes[i]!, size));
    return {
      kernel,
      input: each(({ input }) => input),
      output: each(({ input, pad, dilation }, size) => input + 2 * pad - dilation * (size - 1)),
      strides: each(() => 1),
      padsBefore: each(({ pad }) => pad),
      dilations: each(({ dilation }) => dilation),
      groups: 1,
    };
  })
  .filter(({ output }) => output.every((size) => size > 0));

it("a convolution by any of its tilings is the sum over its taps, and so is its gradient, of the flipped filter", () => {
  fc.assert(
    fc.property(geometries, (geometry) => {
      const filter = wave(0.7, sizeOf(geometry.kernel));
      const back = transposedGeometry(geometry);
      for (const [of, table, taps] of [
        [geometry, inputOfOutput(geometry), filter],
        [back, outputOfInput(geometry), filter.toReversed()],
      ] as const) {
        const x = wave(1.3, 2 * sizeOf(of.input));
        const size = sizeOf(of.input);
        const expected = [0, 1].flatMap((n) => [...byDefinition(table, x.slice(n * size, (n + 1) * size), filter)]);
        for (const tiling of tilingsOf(of)) {
          const turned = { ...tiling, axes: tiling.axes.map(flipped) };
          for (const values of [byTiles(tiling, x, taps), byTiles(turned, x, taps.toReversed())])
            values.forEach((value, i) => {
              expect(value).toBeCloseTo(expected[i]!, 9);
            });
        }
      }
    }),
    { seed: 7, numRuns: 80 },
  );
});
