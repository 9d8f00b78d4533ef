/** How tfjs maps positions of a resized image to the original. */
export interface ResizeAttrs {
  readonly alignCorners?: boolean;
  readonly halfPixelCenters?: boolean;
}

/** Position in the original axis of `length` for each of the `out` new positions. */
function sourcePositions(length: number, out: number, { alignCorners }: ResizeAttrs, centre: number): Float64Array {
  const aligned = alignCorners && out > 1;
  const scale = aligned ? (length - 1) / (out - 1) : length / out;
  return Float64Array.from({ length: out }, (_, i) => scale * (i + centre));
}

/** Index that nearest-neighbour resizing reads for each new position, with tfjs's rounding. */
export function nearestIndices(length: number, out: number, attrs: ResizeAttrs): Int32Array {
  const aligned = attrs.alignCorners && out > 1;
  const positions = sourcePositions(length, out, attrs, attrs.halfPixelCenters ? 0.5 : 0);
  return Int32Array.from(positions, (at) =>
    Math.max(0, Math.min(length - 1, aligned ? Math.round(at) : Math.floor(at))),
  );
}

/** Bilinear resizing along one axis: position i is `low[i]` times (1 - fraction[i]) plus `high[i]` times fraction[i]. */
export function bilinearTaps(length: number, out: number, attrs: ResizeAttrs) {
  const half = attrs.halfPixelCenters ? 0.5 : 0;
  const positions = sourcePositions(length, out, attrs, half).map((centre) => centre - half);
  const low = Int32Array.from(positions, (at) => Math.max(0, Math.floor(at)));
  return {
    low,
    high: Int32Array.from(positions, (at) => Math.min(length - 1, Math.ceil(at))),
    fraction: Float32Array.from(positions, (at, i) => at - low[i]!),
  };
}

/** Weights [out, length] of bilinear resizing along one axis. */
export function bilinearMatrix(length: number, out: number, attrs: ResizeAttrs): Float32Array {
  const { low, high, fraction } = bilinearTaps(length, out, attrs);
  const matrix = new Float32Array(out * length);
  fraction.forEach((weight, row) => {
    matrix[row * length + low[row]!]! += 1 - weight;
    matrix[row * length + high[row]!]! += weight;
  });
  return matrix;
}

/** Weights [out, length] of nearest-neighbour resizing along one axis. */
export function nearestMatrix(length: number, out: number, attrs: ResizeAttrs): Float32Array {
  const matrix = new Float32Array(out * length);
  nearestIndices(length, out, attrs).forEach((index, row) => {
    matrix[row * length + index] = 1;
  });
  return matrix;
}
