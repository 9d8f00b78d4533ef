import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { capsule, ellipse, type Hit, type Point, polygon, type Shape } from "./shapes.js";

function distance(shape: Shape, x: number, y: number): number {
  const hit: Hit = { distance: 0, nx: 0, ny: 0, along: 0, across: 0 };
  shape.sample(x, y, hit);
  return hit.distance;
}

const square: Point[] = [
  { x: -1, y: -1 },
  { x: 1, y: -1 },
  { x: 1, y: 1 },
  { x: -1, y: 1 },
];
const place = fc.record({
  x: fc.double({ min: -3, max: 3, noNaN: true }),
  y: fc.double({ min: -3, max: 3, noNaN: true }),
});

/** Distance to the nearest of many points on the outline, signed by `inside`. */
function sampled(outline: (turn: number) => Point, inside: boolean, { x, y }: Point): number {
  let nearest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 20000; i++) {
    const point = outline(i / 20000);
    nearest = Math.min(nearest, Math.hypot(point.x - x, point.y - y));
  }
  return inside ? -nearest : nearest;
}

describe("signed distances", () => {
  it("of a capsule are those to its sampled outline", () => {
    const shape = capsule({ x: -1, y: 0 }, { x: 1, y: 0 }, 0.5);
    const outline = (turn: number): Point => {
      const angle = 2 * Math.PI * ((turn * 4) % 1);
      if (turn < 0.25) return { x: -1 + 8 * turn, y: 0.5 };
      if (turn < 0.5) return { x: -1 + 8 * (turn - 0.25), y: -0.5 };
      const side = turn < 0.75 ? 1 : -1;
      return { x: side + side * 0.5 * Math.abs(Math.cos(angle)), y: 0.5 * Math.sin(angle) };
    };
    fc.assert(
      fc.property(place, (at) => {
        const inside = Math.hypot(at.x - Math.min(1, Math.max(-1, at.x)), at.y) < 0.5;
        expect(distance(shape, at.x, at.y)).toBeCloseTo(sampled(outline, inside, at), 3);
      }),
      { numRuns: 50 },
    );
  });

  it("of a polygon with round corners are those to the shrunken polygon less the radius, in either order of corners", () => {
    fc.assert(
      fc.property(place, ({ x, y }) => {
        const outside = Math.hypot(Math.max(0, Math.abs(x) - 0.8), Math.max(0, Math.abs(y) - 0.8));
        const inside = Math.min(0, Math.max(Math.abs(x), Math.abs(y)) - 0.8);
        for (const corners of [square, square.toReversed()])
          expect(distance(polygon(corners, 0.2, { bevel: 0.1 }), x, y)).toBeCloseTo(outside + inside - 0.2, 9);
      }),
    );
  });

  it("of an ellipse are 0 on its outline and have slope 1 across it", () => {
    const shape = ellipse({ x: 0.3, y: -0.2 }, 1.5, 0.6, 0.7);
    fc.assert(
      fc.property(fc.double({ min: 0, max: 2 * Math.PI, noNaN: true }), (turn) => {
        const [u, v] = [1.5 * Math.cos(turn), 0.6 * Math.sin(turn)];
        const x = 0.3 + u * Math.cos(0.7) - v * Math.sin(0.7);
        const y = -0.2 + u * Math.sin(0.7) + v * Math.cos(0.7);
        expect(distance(shape, x, y)).toBeCloseTo(0, 9);
        const step = 1e-5;
        const slope = Math.hypot(
          distance(shape, x + step, y) - distance(shape, x - step, y),
          distance(shape, x, y + step) - distance(shape, x, y - step),
        );
        expect(slope / (2 * step)).toBeCloseTo(1, 3);
        expect(x >= shape.left && x <= shape.right && y >= shape.top && y <= shape.bottom).toBe(true);
      }),
    );
  });
});
