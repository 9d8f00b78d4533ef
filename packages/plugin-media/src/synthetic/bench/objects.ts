import type { Canvas, Material } from "../drawing/canvas.js";
import { brighten, type Colour, hsv } from "../drawing/colour.js";
import { valueNoise } from "../drawing/noise.js";
import { capsule, ellipse, type Point, polygon } from "../drawing/shapes.js";
import type { MaterialName } from "./materials.js";

/** Half widths at the top and at the foot, and the height, in picture sides. All objects are round, seen a little from above. */
const forms: Readonly<Record<MaterialName, { readonly top: number; readonly foot: number; readonly height: number }>> =
  {
    wood: { top: 0.165, foot: 0.175, height: 0.17 },
    metal: { top: 0.15, foot: 0.185, height: 0.19 },
    glass: { top: 0.12, foot: 0.15, height: 0.22 },
  };
/** Height of the ellipse of a round face, as a fraction of its width. */
const tilt = 0.26;

export interface ObjectPose {
  /** Middle of the foot. */
  readonly foot: Point;
  readonly width: number;
  readonly height: number;
  /** From `wobble`. */
  readonly wobble: number;
}

/** Middle of the top face of an object at rest: what the tool meets. */
export function strikePoint(material: MaterialName, { foot, height }: ObjectPose): Point {
  return { x: foot.x, y: foot.y - forms[material].height * height };
}

/** Paints the object; it shudders and is pressed down by its wobble. */
export function paintObject(canvas: Canvas, material: MaterialName, pose: ObjectPose, hue: number, seed: number): void {
  const form = forms[material];
  const shift = 0.014 * pose.wobble;
  const height = form.height * pose.height * (1 - 0.12 * pose.wobble);
  const bulge = 1 + 0.05 * pose.wobble;
  const top: Point = { x: pose.foot.x + shift, y: pose.foot.y - height };
  const topHalf = form.top * pose.width * bulge;
  const footHalf = form.foot * pose.width * bulge;
  const body = polygon(
    [
      { x: top.x - topHalf, y: top.y },
      { x: top.x + topHalf, y: top.y },
      { x: pose.foot.x + footHalf, y: pose.foot.y },
      { x: pose.foot.x - footHalf, y: pose.foot.y },
    ],
    0.004,
    { axis: pose.foot.x, halfWidth: footHalf * 1.02 },
  );
  const foot = ellipse(pose.foot, footHalf, footHalf * tilt);
  const lid = ellipse(top, topHalf, topHalf * tilt);
  painters[material](
    canvas,
    { top, topHalf, foot: pose.foot, footHalf, height, body, footShape: foot, lid },
    hue,
    seed,
  );
}

interface Parts {
  readonly top: Point;
  readonly topHalf: number;
  readonly foot: Point;
  readonly footHalf: number;
  readonly height: number;
  readonly body: ReturnType<typeof polygon>;
  readonly footShape: ReturnType<typeof ellipse>;
  readonly lid: ReturnType<typeof ellipse>;
}

const painters: Readonly<Record<MaterialName, (canvas: Canvas, parts: Parts, hue: number, seed: number) => void>> = {
  /** A chopping block cut from a trunk: bark around, rings on top. */
  wood(canvas, { body, footShape, lid }, hue, seed) {
    const bark: Colour = hsv(0.07 + hue * 0.4, 0.62, 0.62);
    const grain: Material = {
      colour: (hit) => brighten(bark, 0.72 + 0.45 * valueNoise(hit.along * 55, hit.across * 7, seed)),
      gloss: 0.05,
      sharpness: 6,
    };
    canvas.paint(footShape, { colour: brighten(bark, 0.8), gloss: 0, sharpness: 1 });
    canvas.paint(body, grain);
    const cut = hsv(0.095 + hue * 0.4, 0.45, 1);
    canvas.paint(flat(lid), {
      colour: ({ along, across }) => {
        const radius = Math.hypot(along, across);
        return brighten(cut, radius > 0.9 ? 0.72 : 0.98 + 0.09 * Math.sin(radius * 26));
      },
      gloss: 0.04,
      sharpness: 8,
    });
  },
  /** An upturned pot with two handles. */
  metal(canvas, { top, topHalf, foot, footHalf, height, body, footShape, lid }, hue) {
    const colour = hsv(0.58 + hue * 2, 0.16 + Math.abs(hue) * 2, 0.78);
    const polished: Material = {
      colour: (hit) => brighten(colour, 0.82 + 0.22 * Math.cos(hit.nx * 7 + 0.6)),
      gloss: 0.75,
      sharpness: 14,
    };
    const handleY = foot.y - height * 0.3;
    for (const side of [-1, 1])
      canvas.paint(
        capsule(
          { x: foot.x + side * footHalf * 0.9, y: handleY },
          { x: foot.x + side * footHalf * 1.22, y: handleY },
          0.017,
        ),
        { colour: [0.18, 0.18, 0.2], gloss: 0.3, sharpness: 10 },
      );
    canvas.paint(footShape, polished);
    canvas.paint(body, polished);
    canvas.paint(
      capsule({ x: foot.x - footHalf, y: foot.y - 0.012 }, { x: foot.x + footHalf, y: foot.y - 0.012 }, 0.012),
      {
        ...polished,
        colour: brighten(colour, 0.9),
      },
    );
    canvas.paint(flat(lid), { colour: brighten(colour, 1.12), gloss: 0.1, sharpness: 4 });
    canvas.paint(flat(ellipse(top, topHalf * 0.8, topHalf * 0.8 * tilt)), { colour, gloss: 0.1, sharpness: 4 });
  },
  /** An upturned tumbler: mostly its edges and reflections are seen. */
  glass(canvas, { top, topHalf, foot, footHalf, body, footShape, lid }, hue) {
    const tint = hsv(0.47 + hue * 2, 0.5, 0.95);
    canvas.paint(flat(footShape), { colour: brighten(tint, 0.9), gloss: 0.3, sharpness: 8, opacity: 0.55 });
    canvas.paint(body, { colour: tint, gloss: 0.35, sharpness: 20, opacity: 0.6 });
    for (const side of [-1, 1])
      canvas.paint(
        capsule(
          { x: top.x + side * topHalf * 0.95, y: top.y },
          { x: foot.x + side * footHalf * 0.95, y: foot.y },
          0.007,
        ),
        { colour: [0.92, 1, 1], gloss: 0.5, sharpness: 4, opacity: 0.85 },
      );
    canvas.paint(
      capsule({ x: top.x - topHalf * 0.5, y: top.y + 0.04 }, { x: foot.x - footHalf * 0.52, y: foot.y - 0.03 }, 0.011),
      {
        colour: [1, 1, 1],
        gloss: 0.5,
        sharpness: 4,
        opacity: 0.75,
      },
    );
    canvas.paint(flat(lid), { colour: brighten(tint, 1.15), gloss: 0.4, sharpness: 8, opacity: 0.8 });
  },
};

/** The same outline with a surface that faces the light from above. */
function flat(shape: ReturnType<typeof ellipse>): ReturnType<typeof ellipse> {
  return {
    ...shape,
    sample(x, y, hit) {
      shape.sample(x, y, hit);
      hit.nx = -0.1;
      hit.ny = -0.45;
    },
  };
}
