/** What a shape is like at one point. Distances are in scene units, negative inside. */
export interface Hit {
  distance: number;
  /** Surface normal towards the viewer's plane; its third component follows from length 1. */
  nx: number;
  ny: number;
  /** Coordinates on the surface for textures: along the shape's axis and across it. */
  along: number;
  across: number;
}

/** A signed distance field with a bounding box, in scene units: the picture's side is 1, y points down. */
export interface Shape {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  sample(x: number, y: number, hit: Hit): void;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A round bar from `a` to `b`, shaded as a cylinder; the radius may change along it. */
export function capsule(a: Point, b: Point, radiusA: number, radiusB = radiusA): Shape {
  const dx = b.x - a.x;
  const dy = b.y - a.y;
  const lengthSquared = dx * dx + dy * dy || 1e-12;
  const length = Math.sqrt(lengthSquared);
  return {
    left: Math.min(a.x - radiusA, b.x - radiusB),
    top: Math.min(a.y - radiusA, b.y - radiusB),
    right: Math.max(a.x + radiusA, b.x + radiusB),
    bottom: Math.max(a.y + radiusA, b.y + radiusB),
    sample(x, y, hit) {
      const px = x - a.x;
      const py = y - a.y;
      const t = Math.min(1, Math.max(0, (px * dx + py * dy) / lengthSquared));
      const ox = px - t * dx;
      const oy = py - t * dy;
      const radius = radiusA + (radiusB - radiusA) * t;
      hit.distance = Math.sqrt(ox * ox + oy * oy) - radius;
      hit.nx = ox / radius;
      hit.ny = oy / radius;
      hit.along = t * length;
      hit.across = (px * -dy + py * dx) / (length * radius);
    },
  };
}

/** An ellipsoid seen from the front; the distance is exact at the edge and first-order beside it. */
export function ellipse(centre: Point, radiusX: number, radiusY: number, angle = 0): Shape {
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  const halfWidth = Math.hypot(radiusX * cos, radiusY * sin);
  const halfHeight = Math.hypot(radiusX * sin, radiusY * cos);
  return {
    left: centre.x - halfWidth,
    top: centre.y - halfHeight,
    right: centre.x + halfWidth,
    bottom: centre.y + halfHeight,
    sample(x, y, hit) {
      const px = x - centre.x;
      const py = y - centre.y;
      const u = (px * cos + py * sin) / radiusX;
      const v = (py * cos - px * sin) / radiusY;
      const k = Math.sqrt(u * u + v * v);
      const slope = Math.hypot(u / radiusX, v / radiusY) || 1e-12;
      hit.distance = (k * (k - 1)) / slope;
      hit.nx = u * cos - v * sin;
      hit.ny = u * sin + v * cos;
      hit.along = u;
      hit.across = v;
    },
  };
}

/** How a polygon is shaded: flat with a bevelled rim, or round about a vertical axis like a pot. */
export type Relief = { readonly bevel: number } | { readonly axis: number; readonly halfWidth: number };

/** A convex polygon, its corners in either order, rounded by `radius`. */
export function polygon(corners: readonly Point[], radius: number, relief: Relief): Shape {
  const points = area(corners) > 0 ? corners : corners.toReversed();
  const edges = points.map((a, i) => {
    const b = points[(i + 1) % points.length]!;
    const length = Math.hypot(b.x - a.x, b.y - a.y) || 1e-12;
    return { x: a.x, y: a.y, nx: (b.y - a.y) / length, ny: (a.x - b.x) / length };
  });
  const xs = points.map((p) => p.x);
  const ys = points.map((p) => p.y);
  const top = Math.min(...ys);
  const left = Math.min(...xs);
  return {
    left,
    top,
    right: Math.max(...xs),
    bottom: Math.max(...ys),
    sample(x, y, hit) {
      // Rounded corners: the polygon is shrunk by the radius, and outside it the two farthest edges make a circle.
      let first = Number.NEGATIVE_INFINITY;
      let second = Number.NEGATIVE_INFINITY;
      let nearest = edges[0]!;
      for (const edge of edges) {
        const d = (x - edge.x) * edge.nx + (y - edge.y) * edge.ny + radius;
        if (d > first) {
          second = first;
          first = d;
          nearest = edge;
        } else if (d > second) second = d;
      }
      hit.distance = (first > 0 && second > 0 ? Math.hypot(first, second) : first) - radius;
      hit.along = x - left;
      hit.across = y - top;
      if ("bevel" in relief) {
        const slope = 0.8 * Math.min(1, Math.max(0, 1 + hit.distance / relief.bevel));
        hit.nx = nearest.nx * slope;
        hit.ny = nearest.ny * slope;
      } else {
        hit.nx = Math.min(1, Math.max(-1, (x - relief.axis) / relief.halfWidth));
        hit.ny = -0.1;
      }
    },
  };
}

/** Twice the signed area: positive when the corners go clockwise on the screen. */
function area(points: readonly Point[]): number {
  return points.reduce((sum, a, i) => {
    const b = points[(i + 1) % points.length]!;
    return sum + a.x * b.y - b.x * a.y;
  }, 0);
}
