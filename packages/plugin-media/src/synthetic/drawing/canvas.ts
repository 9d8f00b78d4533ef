import type { Colour } from "./colour.js";
import type { Hit, Point, Shape } from "./shapes.js";

/** How a surface answers light. */
export interface Material {
  /** May depend on the place on the surface. */
  readonly colour: Colour | ((hit: Hit) => Colour);
  /** Strength and narrowness of the highlight. */
  readonly gloss: number;
  readonly sharpness: number;
  /** 1 when absent. */
  readonly opacity?: number;
}

/** Where the picture looks: the scene point at its upper left corner, and how many picture sides a scene unit takes. */
export interface Camera {
  readonly x: number;
  readonly y: number;
  readonly zoom: number;
}

/** Light from the upper left and in front; the half vector is that between it and the viewer. */
const light = normalise(-0.5, -0.62, 0.6);
const half = normalise(light[0], light[1], light[2] + 1);
const ambient = 0.34;

function normalise(x: number, y: number, z: number): readonly [number, number, number] {
  const length = Math.hypot(x, y, z);
  return [x / length, y / length, z / length];
}

/** A square RGB picture on which shapes are painted with exact edges, only inside their bounding boxes. */
export class Canvas {
  readonly size: number;
  /** [size, size, 3] */
  readonly pixels: Uint8ClampedArray;
  private readonly camera: Camera;
  private readonly hit: Hit = { distance: 0, nx: 0, ny: 0, along: 0, across: 0 };

  constructor(size: number, camera: Camera) {
    this.size = size;
    this.camera = camera;
    this.pixels = new Uint8ClampedArray(size * size * 3);
  }

  /** Starts a frame from a background of the same size. */
  copyFrom(background: Canvas): void {
    this.pixels.set(background.pixels);
  }

  /** Sets every pixel from its scene coordinates. */
  cover(colourAt: (x: number, y: number) => Colour): void {
    const { size, pixels, camera } = this;
    const step = 1 / (size * camera.zoom);
    for (let row = 0, at = 0; row < size; row++) {
      for (let column = 0; column < size; column++) {
        const colour = colourAt(camera.x + (column + 0.5) * step, camera.y + (row + 0.5) * step);
        for (let c = 0; c < 3; c++) pixels[at++] = colour[c]! * 255;
      }
    }
  }

  /** Paints a lit surface; its edge is one pixel soft. */
  paint(shape: Shape, material: Material): void {
    const { hit } = this;
    const { colour, gloss, sharpness } = material;
    const opacity = material.opacity ?? 1;
    const perUnit = this.size * this.camera.zoom;
    // Where the highlight would be below one level of 255 its power is not worth computing.
    const faintest = gloss > 0 ? (1 / (255 * gloss)) ** (1 / sharpness) : 2;
    this.eachPixel(shape, (x, y, at) => {
      shape.sample(x, y, hit);
      const coverage = Math.min(1, 0.5 - hit.distance * perUnit) * opacity;
      if (coverage <= 0) return;
      let { nx, ny } = hit;
      const flat = nx * nx + ny * ny;
      if (flat > 1) {
        const length = Math.sqrt(flat);
        nx /= length;
        ny /= length;
      }
      const nz = flat < 1 ? Math.sqrt(1 - flat) : 0;
      const diffuse = Math.max(0, nx * light[0] + ny * light[1] + nz * light[2]);
      const brightness = ambient + 0.95 * (1 - ambient) * diffuse;
      const facing = nx * half[0] + ny * half[1] + nz * half[2];
      const highlight = facing > faintest ? gloss * facing ** sharpness : 0;
      const base = typeof colour === "function" ? colour(hit) : colour;
      this.blend(
        at,
        brightness * base[0] + highlight,
        brightness * base[1] + highlight,
        brightness * base[2] + highlight,
        coverage,
      );
    });
  }

  /** Blends a soft spot: `strength` in the middle, fading to nothing at the radii. Shadows, dust, flashes. */
  blot(centre: Point, radiusX: number, radiusY: number, colour: Colour, strength: number): void {
    if (strength <= 0) return;
    const box = {
      left: centre.x - radiusX,
      right: centre.x + radiusX,
      top: centre.y - radiusY,
      bottom: centre.y + radiusY,
    };
    this.eachPixel(box, (x, y, at) => {
      const u = (x - centre.x) / radiusX;
      const v = (y - centre.y) / radiusY;
      const inside = 1 - u * u - v * v;
      if (inside <= 0) return;
      this.blend(at, colour[0], colour[1], colour[2], strength * inside * inside);
    });
  }

  private blend(at: number, red: number, green: number, blue: number, amount: number): void {
    const { pixels } = this;
    const before = 1 - amount;
    pixels[at] = before * pixels[at]! + 255 * amount * red;
    pixels[at + 1] = before * pixels[at + 1]! + 255 * amount * green;
    pixels[at + 2] = before * pixels[at + 2]! + 255 * amount * blue;
  }

  private eachPixel(
    box: { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number },
    visit: (x: number, y: number, at: number) => void,
  ): void {
    const { size, camera } = this;
    const perUnit = size * camera.zoom;
    const from = Math.max(0, Math.floor((box.left - camera.x) * perUnit - 1));
    const to = Math.min(size, Math.ceil((box.right - camera.x) * perUnit + 1));
    const last = Math.min(size, Math.ceil((box.bottom - camera.y) * perUnit + 1));
    for (let row = Math.max(0, Math.floor((box.top - camera.y) * perUnit - 1)); row < last; row++) {
      const y = camera.y + (row + 0.5) / perUnit;
      for (let column = from; column < to; column++)
        visit(camera.x + (column + 0.5) / perUnit, y, (row * size + column) * 3);
    }
  }
}
