import { expect, it } from "vitest";
import { cutTile, Mosaic, tilesAlong } from "./tiles.js";

it("covers a length with tiles that overlap by a quarter or more", () => {
  for (const length of [1, 8, 15, 16, 17, 64, 135])
    for (const size of [8, 12, 16]) {
      const tiling = tilesAlong(length, size);
      expect(tiling.starts[0]).toBe(0);
      expect(tiling.starts.at(-1)! + tiling.size).toBe(length);
      tiling.starts.slice(1).forEach((start, i) => {
        expect(tiling.starts[i]! + size - start).toBeGreaterThanOrEqual(size / 4);
      });
    }
});

it("puts a picture together from its tiles", () => {
  const area = { height: 20, width: 27, channels: 3 };
  const pictures = Float32Array.from({ length: 2 * 20 * 27 * 3 }, (_, i) => Math.sin(i));
  const mosaic = new Mosaic(2, area);
  const [down, across] = [tilesAlong(20, 8), tilesAlong(27, 12)];
  for (const y of down.starts)
    for (const x of across.starts) mosaic.add(cutTile(pictures, area, [y, x], [8, 12]), [y, x], [8, 12]);
  const whole = mosaic.finish();
  expect(Math.max(...whole.map((value, i) => Math.abs(value - pictures[i]!)))).toBeLessThan(1e-6);
});
