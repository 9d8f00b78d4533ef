/** Where the tiles of a picture begin along one axis, and how long they are. */
export interface Tiling {
  readonly starts: readonly number[];
  readonly size: number;
}

/** Tiles of `size` that cover `length`, spread evenly, neighbours overlapping by at least a quarter of a tile; one tile when it fits. */
export function tilesAlong(length: number, size: number): Tiling {
  if (length <= size) return { starts: [0], size: length };
  const overlap = Math.ceil(size / 4);
  const count = Math.ceil((length - overlap) / (size - overlap));
  return {
    starts: Array.from({ length: count }, (_, i) => Math.round((i * (length - size)) / (count - 1))),
    size,
  };
}

/** How much each place of a tile counts where tiles overlap: rising from its edges, so that no seam is seen. */
function ramp(size: number): Float32Array {
  const slope = Math.max(1, Math.ceil(size / 4));
  return Float32Array.from({ length: size }, (_, i) => Math.min(1, (i + 0.5) / slope, (size - i - 0.5) / slope));
}

interface Area {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** The tile of pictures [count, height, width, channels] that begins at (y, x). */
export function cutTile(
  pictures: Float32Array,
  { height, width, channels }: Area,
  [y, x]: readonly [number, number],
  [rows, columns]: readonly [number, number],
): Float32Array {
  const count = pictures.length / (height * width * channels);
  const tile = new Float32Array(count * rows * columns * channels);
  for (let n = 0, at = 0; n < count; n++)
    for (let row = 0; row < rows; row++, at += columns * channels) {
      const from = ((n * height + y + row) * width + x) * channels;
      tile.set(pictures.subarray(from, from + columns * channels), at);
    }
  return tile;
}

/** Pictures put together from tiles, blended where they overlap. */
export class Mosaic {
  readonly #area: Area;
  readonly #sum: Float32Array;
  readonly #weight: Float32Array;

  constructor(count: number, area: Area) {
    this.#area = area;
    this.#sum = new Float32Array(count * area.height * area.width * area.channels);
    this.#weight = new Float32Array(area.height * area.width);
  }

  add(tile: Float32Array, [y, x]: readonly [number, number], [rows, columns]: readonly [number, number]): void {
    const { height, width, channels } = this.#area;
    const [down, across] = [ramp(rows), ramp(columns)];
    const count = this.#sum.length / (height * width * channels);
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) {
        const weight = down[row]! * across[column]!;
        const place = (y + row) * width + x + column;
        this.#weight[place]! += weight;
        for (let n = 0; n < count; n++) {
          const to = (n * height * width + place) * channels;
          const from = ((n * rows + row) * columns + column) * channels;
          for (let c = 0; c < channels; c++) this.#sum[to + c]! += weight * tile[from + c]!;
        }
      }
  }

  /** Pictures [count, height, width, channels]. */
  finish(): Float32Array {
    const { channels } = this.#area;
    return this.#sum.map((value, i) => value / this.#weight[Math.floor(i / channels) % this.#weight.length]!);
  }
}
