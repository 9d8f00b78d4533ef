import { stream } from "@cmmd/core";
import { Canvas } from "../drawing/canvas.js";
import type { Colour } from "../drawing/colour.js";
import { capsule, type Point } from "../drawing/shapes.js";
import { bench, paintBackdrop } from "./backdrop.js";
import type { MaterialName } from "./materials.js";
import { recentContacts, toolHeight, wobble } from "./motion.js";
import { paintObject, strikePoint } from "./objects.js";
import type { BenchPlan } from "./plan.js";
import { paintTool } from "./tools.js";

/** What flies up at a contact. */
const sparks: Readonly<
  Record<MaterialName, { readonly flash: Colour; readonly chips: Colour; readonly dust: Colour }>
> = {
  wood: { flash: [1, 0.93, 0.75], chips: [0.98, 0.82, 0.5], dust: [0.93, 0.87, 0.76] },
  metal: { flash: [1, 0.96, 0.7], chips: [1, 0.78, 0.25], dust: [0.95, 0.93, 0.9] },
  glass: { flash: [0.9, 1, 1], chips: [0.85, 1, 1], dust: [0.9, 0.97, 1] },
};
const gravity = 2.6;

/** A painter of the bench: the picture [size, size, 3] at a time in seconds, in a buffer that the next call overwrites. */
export function benchPicture(plan: BenchPlan, size: number): (time: number) => Uint8ClampedArray {
  const backdrop = paintBackdrop(plan, size);
  const canvas = new Canvas(size, plan.camera);
  const still = { foot: { x: plan.objectX, y: bench.feet }, width: plan.width, height: plan.height };
  const contact = strikePoint(plan.material, { ...still, wobble: 0 });
  return (time) => {
    canvas.copyFrom(backdrop);
    const pose = { ...still, wobble: wobble(plan.strokes, time) };
    paintObject(canvas, plan.material, pose, plan.hues[2], plan.seed);
    paintTool(canvas, plan.tool, contact, toolHeight(plan.strokes, time), plan.hues[3], bench.feet + 0.03);
    for (const { index, strength, since } of recentContacts(plan.strokes, time, 0.32))
      paintImpact(canvas, plan, contact, strength, since, index);
    return canvas.pixels;
  };
}

/** A flash, a puff and some chips, for a third of a second. */
function paintImpact(
  canvas: Canvas,
  plan: BenchPlan,
  contact: Point,
  strength: number,
  since: number,
  index: number,
): void {
  const { flash, chips, dust } = sparks[plan.material];
  const random = stream(plan.seed, "synthetic chips", index);
  const spread = 0.08 + 0.3 * (1 - Math.exp(-since / 0.12));
  const fading = Math.exp(-since / 0.13);
  for (const side of [-1, 1])
    canvas.blot(
      { x: contact.x + side * spread * 0.55, y: contact.y - 0.02 - 0.25 * since },
      0.05 + spread * 0.35,
      0.035 + spread * 0.22,
      dust,
      0.85 * strength * fading,
    );
  canvas.blot(contact, 0.14, 0.1, flash, 1.3 * strength * Math.exp(-since / 0.05));
  for (let i = 0; i < 7; i++) {
    const angle = -Math.PI * (0.08 + 0.84 * random.uniform());
    const speed = (0.5 + 0.6 * random.uniform()) * strength;
    const at = (t: number) => ({
      x: contact.x + Math.cos(angle) * (0.06 + speed * t),
      y: contact.y + Math.sin(angle) * speed * t + gravity * t * t * 0.5,
    });
    const opacity = Math.min(1, 6 * (0.32 - since));
    canvas.paint(capsule(at(since), at(since + 0.018), 0.0075), { colour: chips, gloss: 0.6, sharpness: 2, opacity });
  }
}
