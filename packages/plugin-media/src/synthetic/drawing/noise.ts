/** A number in [0, 1) for a cell of a grid, the same at every call. */
function cellValue(x: number, y: number, seed: number): number {
  let h = Math.imul(x, 0x27d4eb2d) ^ Math.imul(y, 0x165667b1) ^ Math.imul(seed, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 4294967296;
}

/** Smooth noise in [0, 1) with one random value per unit cell (value noise, cubic blending): grain of wood, stains of a wall. */
export function valueNoise(x: number, y: number, seed: number): number {
  const column = Math.floor(x);
  const row = Math.floor(y);
  const u = smooth(x - column);
  const v = smooth(y - row);
  const above = cellValue(column, row, seed) * (1 - u) + cellValue(column + 1, row, seed) * u;
  const below = cellValue(column, row + 1, seed) * (1 - u) + cellValue(column + 1, row + 1, seed) * u;
  return above * (1 - v) + below * v;
}

/** From 0 to 1 with no slope at the ends. */
export function smooth(t: number): number {
  const clamped = Math.min(1, Math.max(0, t));
  return clamped * clamped * (3 - 2 * clamped);
}
