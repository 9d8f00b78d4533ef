import { sizeOf } from "../ir/graph.js";

/** Sizes of a convolution of x [N, ...input, C] with a filter [O, C / groups, ...kernel]. Everything by spatial dimension. */
export interface Geometry {
  readonly input: readonly number[];
  readonly output: readonly number[];
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly padsBefore: readonly number[];
  readonly dilations: readonly number[];
  readonly groups: number;
}

/** Coordinates of the `index`-th cell of a row-major grid. */
export function coordinates(index: number, grid: readonly number[]): number[] {
  const at = Array<number>(grid.length);
  let rest = index;
  for (let i = grid.length - 1; i >= 0; i--) {
    at[i] = rest % grid[i]!;
    rest = Math.floor(rest / grid[i]!);
  }
  return at;
}

function table(
  rows: readonly number[],
  columns: readonly number[],
  cells: readonly number[],
  cell: (row: number, column: number, axis: number) => number,
): Int32Array {
  const taps = sizeOf(columns);
  const indices = new Int32Array(sizeOf(rows) * taps);
  const columnAt = Array.from({ length: taps }, (_, tap) => coordinates(tap, columns));
  for (let row = 0; row < sizeOf(rows); row++) {
    const at = coordinates(row, rows);
    for (let tap = 0; tap < taps; tap++) {
      let index = 0;
      for (let axis = 0; axis < rows.length && index >= 0; axis++) {
        const position = cell(at[axis]!, columnAt[tap]![axis]!, axis);
        index = position < 0 || position >= cells[axis]! ? -1 : index * cells[axis]! + position;
      }
      indices[row * taps + tap] = index;
    }
  }
  return indices;
}

/** For every output position and tap, [output x taps]: the input position that the tap reads, or -1 for padding. */
export function inputOfOutput({ input, output, kernel, strides, padsBefore, dilations }: Geometry): Int32Array {
  return table(output, kernel, input, (o, k, axis) => o * strides[axis]! + k * dilations[axis]! - padsBefore[axis]!);
}

/** For every input position and tap, [input x taps]: the output position that reads it through that tap, or -1. */
export function outputOfInput({ input, output, kernel, strides, padsBefore, dilations }: Geometry): Int32Array {
  return table(input, kernel, output, (i, k, axis) => {
    const scaled = i + padsBefore[axis]! - k * dilations[axis]!;
    return scaled % strides[axis]! === 0 ? scaled / strides[axis]! : -1;
  });
}

/** Whether every output position reads just the input position of the same index. */
export function isPointwise({ kernel, strides, padsBefore, input, output }: Geometry): boolean {
  return (
    [...kernel, ...strides].every((size) => size === 1) &&
    padsBefore.every((pad) => pad === 0) &&
    input.every((size, i) => size === output[i])
  );
}
