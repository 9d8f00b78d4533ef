import { sizeOf } from "../ir/graph.js";
import { type Filtering, filteringsOf } from "./filtering.js";
import { coordinates, type Geometry } from "./geometry.js";

/** A convolution cut into tiles. A dilated one is as many that are not, one beside the other; the last tiles may reach beyond the result. */
export interface Tiling {
  readonly of: Geometry;
  /** By spatial axis. */
  readonly axes: readonly Filtering[];
  readonly tiles: readonly number[];
  /** Inputs, products, outputs and taps of one tile. */
  readonly inputs: number;
  readonly cells: number;
  readonly outputs: number;
  readonly taps: number;
  /** Whether each cell is a product of its own, of a filter that is constant: ONNX Runtime packs that once, but one of several matrices in every run. */
  readonly apart: boolean;
}

/** Some images of a batch. */
export interface Images {
  readonly first: number;
  readonly count: number;
}

/** All tilings of a convolution, the most exact first. */
export function tilingsOf(of: Geometry): readonly Tiling[] {
  if (of.groups > 1 || of.strides.some((stride) => stride > 1)) return [];
  const paired = (i: number) =>
    of.kernel[i] === 3 && of.input[i] === 2 && of.output[i] === 2 && of.padsBefore[i] === 1 && of.dilations[i] === 1;
  return filteringsOf(of.kernel.map((taps, i) => ({ taps, paired: paired(i) }))).map((axes) => {
    const product = (size: (axis: Filtering) => number) => sizeOf(axes.map(size));
    return {
      of,
      axes,
      tiles: axes.map(({ outputs }, i) => {
        const dilation = of.dilations[i]!;
        return dilation * Math.ceil(Math.ceil(of.output[i]! / dilation) / outputs);
      }),
      inputs: product(({ inputs }) => inputs),
      cells: product(({ cells }) => cells),
      outputs: product(({ outputs }) => outputs),
      taps: product(({ taps }) => taps),
      apart: false,
    };
  });
}

/** The convolution that is a convolution's gradient by its input, with the filter flipped. */
export function transposedGeometry(of: Geometry): Geometry {
  const padsBefore = of.padsBefore.map((pad, i) => of.dilations[i]! * (of.kernel[i]! - 1) - pad);
  return { ...of, input: of.output, output: of.input, padsBefore };
}

/** Where the first output of a tile is along an axis; the others follow at the distance of the dilation. */
const startOf = (tile: number, dilation: number, outputs: number) =>
  Math.floor(tile / dilation) * outputs * dilation + (tile % dilation);

/** Positions [cells, count tiles] in a grid of such sizes for every image, -1 where there is none. */
function positions(
  cells: readonly number[],
  tiles: readonly number[],
  sizes: readonly number[],
  { first, count }: Images,
  along: (axis: number, tile: number, cell: number) => number,
): Int32Array {
  const perImage = sizeOf(tiles);
  const found = new Int32Array(sizeOf(cells) * count * perImage);
  const tileAt = Array.from({ length: perImage }, (_, tile) => coordinates(tile, tiles));
  for (let cell = 0; cell < sizeOf(cells); cell++) {
    const cellAt = coordinates(cell, cells);
    tileAt.forEach((at, tile) => {
      let position = 0;
      for (let axis = 0; axis < sizes.length && position >= 0; axis++) {
        const own = along(axis, at[axis]!, cellAt[axis]!);
        position = own < 0 || own >= sizes[axis]! ? -1 : position * sizes[axis]! + own;
      }
      for (let n = 0; n < count; n++)
        found[(cell * count + n) * perImage + tile] = position < 0 ? -1 : (first + n) * sizeOf(sizes) + position;
    });
  }
  return found;
}

/** For every input of a tile, image and tile [inputs, images tiles]: its position among all [N, ...input]; -1 for padding. */
export function positionsOfInputs({ of, axes, tiles }: Tiling, images: Images): Int32Array {
  const cells = axes.map(({ inputs }) => inputs);
  return positions(cells, tiles, of.input, images, (axis, tile, cell) => {
    const { outputs, taps, skipped } = axes[axis]!;
    const dilation = of.dilations[axis]!;
    const start = startOf(tile, dilation, outputs);
    const position = start + (skipped + cell) * dilation - of.padsBefore[axis]!;
    const firstReader = start + Math.max(0, skipped + cell - taps + 1) * dilation;
    // What only outputs beyond the result read may be anything, and a row that is there spares the zeros.
    return firstReader < of.output[axis]! ? position : Math.max(0, Math.min(position, of.input[axis]! - 1));
  });
}

/** For every output of a tile, image and tile [outputs, images tiles]: its position among all [N, ...output]; -1 beyond the result. */
export function positionsOfOutputs({ of, axes, tiles }: Tiling, images: Images): Int32Array {
  const outputs = axes.map((axis) => axis.outputs);
  return positions(outputs, tiles, of.output, images, (axis, tile, output) => {
    const dilation = of.dilations[axis]!;
    return startOf(tile, dilation, axes[axis]!.outputs) + output * dilation;
  });
}
