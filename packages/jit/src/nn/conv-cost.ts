import { sizeOf } from "../ir/graph.js";
import { type Rows, rowsOf } from "./conv-rows.js";
import type { Geometry } from "./geometry.js";
import { type Tiling, tilingsOf, transposedGeometry } from "./tiling.js";

/*
 * Which form of a convolution takes least, by an estimate in multiplications and additions, which are what most of its time goes into.
 */

/** Nodes that tiles take more than patches do, and multiplications and additions that take as long as starting one on two threads. */
const [nodesOfTiles, flopsPerNode] = [4, 1e6];
/** What a cell of its own must save, as every node also takes time to open. */
const flopsPerCell = 2e7;

/** Multiplications and additions of a matrix product that take as long as moving one number, in the cache and beyond it. */
const flopsPerNumber = { cached: 30, beyond: 45 };
/** Numbers of a filter that stay in the cache. */
const cachedNumbers = 3 << 20;

/** What is convolved in one of the ways below: a geometry, channels in and out, images, and whether the filter is a constant. */
interface Task {
  readonly of: Geometry;
  readonly channels: number;
  readonly out: number;
  readonly batch: number;
  readonly frozen: boolean;
}

/** Costs in multiplications and additions. */
function cost(products: number, moved: number, filterNumbers: number, filterMoves: number): number {
  const place = filterNumbers > cachedNumbers ? "beyond" : "cached";
  return 2 * products + flopsPerNumber.cached * moved + flopsPerNumber[place] * filterNumbers * filterMoves;
}

/**
 * Fewer products (36 for 144 over two axes) for transforms, which take a product and a pass over the tiles each, and a filter that is larger,
 * packed in every run where one matrix would be packed once, as are the cells of a frozen filter apart, and transformed unless it is frozen.
 */
function costOfTiles(tiling: Tiling, { channels, out, batch, frozen }: Task): number {
  const tiles = batch * sizeOf(tiling.tiles);
  const { inputs, cells, outputs, apart } = tiling;
  const products = tiles * cells * (channels * out + inputs * channels + outputs * out);
  const moved = tiles * ((inputs + cells) * channels + (cells + outputs) * out);
  const nodes = nodesOfTiles * flopsPerNode + (apart ? cells * flopsPerCell : 0);
  return nodes + cost(products, moved, cells * channels * out, apart ? 1 : frozen ? 3 : 4);
}

/** The least exact tiles must be so much cheaper to be taken where filters are trained, as gradients add up the errors of all layers. */
const inexact = { above: 4, dearer: 1.12 };

/** The tiling that costs least, and what it costs. */
function bestTiling(task: Task): { readonly tiling?: Tiling; readonly cost: number } {
  const tilings = tilingsOf(task.of);
  const forms = task.frozen ? tilings.flatMap((tiling) => [tiling, { ...tiling, apart: true }]) : tilings;
  const costs = forms.map((tiling) => {
    const avoided = !task.frozen && tiling.axes.some(({ error }) => error > inexact.above);
    return { tiling, cost: costOfTiles(tiling, task) * (avoided ? inexact.dearer : 1) };
  });
  return costs.toSorted((a, b) => a.cost - b.cost)[0] ?? { cost: Infinity };
}

/** The tiles that beat patches, if any do. */
export function tilingThatPays(task: Task): Tiling | undefined {
  const { of, channels, out, batch, frozen } = task;
  const positions = batch * sizeOf(of.output);
  const patch = sizeOf(of.kernel) * channels;
  const best = bestTiling(task);
  return best.cost < cost(positions * patch * out, positions * patch, patch * out, frozen ? 1 : 3)
    ? best.tiling
    : undefined;
}

/** Taking a row from elsewhere costs as much as so many multiplications and additions, however short it is. */
const flopsPerRow = 500;
/** Columns that a matrix product computes at a time. */
const columnsAtOnce = 16;
const blocks = [1, 2, 4, 8, 16];

/**
 * The rows of a convolution that is computed by rows: one with groups, or over one axis without tiles. Longer rows gather less, for more
 * products with the zeros of their bands. Few rows at a time, such as the two of a transposed convolution, may go by tiles. Undefined where
 * rows of one position pay most without groups: those are patches, whose gradients leave the filter as it lies.
 */
export function rowsThatPay(
  filter: readonly number[],
  geometry: Geometry,
  batch: number,
  { turned, frozen }: { readonly turned: boolean; readonly frozen: boolean },
): Rows | undefined {
  const { groups, kernel } = geometry;
  if (groups === 1 && kernel.length > 1) return undefined;
  const [out, perGroup] = [filter[0]! / groups, filter[1]!];
  const costs = blocks.flatMap((block) => {
    const rows = rowsOf(geometry, block);
    const count = batch * sizeOf(rows.by.output);
    const taps = sizeOf(rows.by.kernel);
    const [width, columns] = [rows.inputs * perGroup, rows.outputs * out];
    const padded = columnsAtOnce * Math.ceil(columns / columnsAtOnce);
    const products = 2 * count * taps * width * padded;
    const moved = count * (flopsPerNumber.cached * taps * width + flopsPerRow * taps);
    const tiled = turned
      ? bestTiling({ of: transposedGeometry(rows.by), channels: columns, out: width, batch, frozen })
      : bestTiling({ of: rows.by, channels: width, out: columns, batch, frozen });
    return [
      { rows, cost: products + moved + 3 * flopsPerNumber.cached * taps * width * columns },
      { rows: { ...rows, tiling: tiled.tiling }, cost: tiled.cost },
    ];
  });
  const { rows } = costs.toSorted((a, b) => a.cost - b.cost)[0]!;
  return groups > 1 || rows.inputs > 1 || rows.tiling ? rows : undefined;
}
