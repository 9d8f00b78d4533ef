import { Canvas, type Material } from "../drawing/canvas.js";
import { brighten, type Colour, hsv, mix } from "../drawing/colour.js";
import { valueNoise } from "../drawing/noise.js";
import { capsule, ellipse, type Point } from "../drawing/shapes.js";
import type { DancerPlan } from "./plan.js";
import { ankles, type Limb, type Skeleton, skeletonAt } from "./skeleton.js";

const horizon = 0.74;

/** A painter of the dancer: the picture [size, size, 3] at a time in seconds, in a buffer that the next call overwrites. */
export function dancerPicture(plan: DancerPlan, size: number): (time: number) => Uint8ClampedArray {
  const studio = paintStudio(plan, size);
  const canvas = new Canvas(size, plan.camera);
  const cloth = (colour: Colour): Material => ({ colour, gloss: 0.1, sharpness: 6 });
  const wear = {
    shirt: cloth(hsv(0.01 + plan.hues[1], 0.8, 0.95)),
    trousers: cloth(hsv(0.62 + plan.hues[2], 0.6, 0.42)),
    shoes: { colour: [0.95, 0.95, 0.97], gloss: 0.2, sharpness: 8 } as Material,
    skin: { colour: mix([0.42, 0.26, 0.18], [0.98, 0.79, 0.66], plan.skin), gloss: 0.15, sharpness: 10 } as Material,
    hair: cloth([0.13, 0.09, 0.08]),
  };
  return (time) => {
    canvas.copyFrom(studio);
    const skeleton = skeletonAt(plan, time);
    paintShadow(canvas, skeleton);
    paintFigure(canvas, skeleton, wear);
    return canvas.pixels;
  };
}

/** A wall with a pool of light, and a floor that reflects a little of it. */
function paintStudio(plan: DancerPlan, size: number): Canvas {
  const canvas = new Canvas(size, plan.camera);
  const wall = hsv(0.58 + plan.hues[0], 0.22, 0.8);
  const floor = mix(brighten(wall, 0.78), [0.6, 0.55, 0.5], 0.5);
  canvas.cover((x, y) => {
    const speckle = 0.985 + 0.03 * valueNoise(x * 400, y * 400, plan.seed);
    if (y < horizon) {
      const pool = Math.exp(-((x - 0.3) ** 2 + (y - 0.25) ** 2) / 0.3);
      return brighten(wall, (0.62 + 0.45 * pool) * speckle * (1 - 0.2 * Math.exp((y - horizon) / 0.03)));
    }
    const pool = Math.exp(-((x - 0.42) ** 2 / 0.25 + (y - 0.86) ** 2 / 0.05));
    return brighten(floor, (0.66 + 0.5 * pool) * speckle);
  });
  return canvas;
}

/** Soft spots where the light from the left throws the joints on the floor, and dark ones under the feet. */
function paintShadow(canvas: Canvas, { hips, chest, head, leftLeg, rightLeg, leftArm, rightArm }: Skeleton): void {
  const dark: Colour = [0.06, 0.05, 0.07];
  const thrown = ({ x, y }: Point): Point => {
    const above = ankles + 0.03 - y;
    return { x: x + 0.42 * above, y: ankles + 0.035 - 0.1 * above };
  };
  const middle: Point = { x: (hips.x + chest.x) / 2, y: (hips.y + chest.y) / 2 };
  for (const joint of [hips, middle, chest, head]) canvas.blot(thrown(joint), 0.1, 0.032, dark, 0.45);
  for (const limb of [leftLeg, rightLeg, leftArm, rightArm]) canvas.blot(thrown(limb[1]), 0.07, 0.024, dark, 0.38);
  for (const [, , foot] of [leftLeg, rightLeg])
    canvas.blot({ x: foot.x + 0.01, y: ankles + 0.035 }, 0.085, 0.026, dark, 0.7);
}

function paintFigure(
  canvas: Canvas,
  skeleton: Skeleton,
  wear: Readonly<Record<"shirt" | "trousers" | "shoes" | "skin" | "hair", Material>>,
): void {
  const { hips, chest, head, lean, leftLeg, rightLeg, leftArm, rightArm } = skeleton;
  for (const [limb, side] of [
    [rightLeg, 1],
    [leftLeg, -1],
  ] as const) {
    const [, , foot] = limb;
    canvas.paint(
      capsule(
        { x: foot.x - side * 0.005, y: foot.y + 0.02 },
        { x: foot.x + side * 0.042, y: foot.y + 0.026 },
        0.023,
        0.02,
      ),
      wear.shoes,
    );
    paintLimb(canvas, limb, [0.05, 0.04, 0.03], wear.trousers);
  }
  canvas.paint(capsule(hips, { x: hips.x, y: hips.y - 0.01 }, 0.066), wear.trousers);
  const across = { x: 0.062 * Math.cos(lean), y: 0.062 * Math.sin(lean) };
  canvas.paint(capsule({ x: hips.x, y: hips.y - 0.05 }, { x: chest.x, y: chest.y + 0.055 }, 0.064, 0.08), wear.shirt);
  canvas.paint(
    capsule(
      { x: chest.x - across.x, y: chest.y - across.y + 0.022 },
      { x: chest.x + across.x, y: chest.y + across.y + 0.022 },
      0.04,
    ),
    wear.shirt,
  );
  canvas.paint(capsule({ x: chest.x, y: chest.y }, head, 0.025), wear.skin);
  canvas.paint(ellipse({ x: head.x, y: head.y - 0.012 }, 0.057, 0.063, lean), wear.hair);
  canvas.paint(ellipse({ x: head.x, y: head.y + 0.008 }, 0.048, 0.054, lean), wear.skin);
  for (const arm of [rightArm, leftArm]) {
    const [root, elbow, hand] = arm;
    canvas.paint(capsule(elbow, hand, 0.026, 0.02), wear.skin);
    canvas.paint(ellipse(hand, 0.028, 0.028), wear.skin);
    canvas.paint(capsule(root, elbow, 0.038, 0.031), wear.shirt);
  }
}

function paintLimb(
  canvas: Canvas,
  [root, joint, end]: Limb,
  radii: readonly [number, number, number],
  material: Material,
): void {
  canvas.paint(capsule(joint, end, radii[1], radii[2]), material);
  canvas.paint(capsule(root, joint, radii[0], radii[1]), material);
}
