import { Canvas } from "../drawing/canvas.js";
import { brighten, type Colour, hsv, mix } from "../drawing/colour.js";
import { valueNoise } from "../drawing/noise.js";
import type { BenchPlan } from "./plan.js";

/** Scene heights of the bench's back edge, of the objects' feet and of its front edge. */
export const bench = { back: 0.66, feet: 0.85, front: 0.96 } as const;
/** The planks converge towards a point this far above the picture. */
const vanishing = -0.55;

/** Everything that does not move: wall, bench and the object's shadow. */
export function paintBackdrop(plan: BenchPlan, size: number): Canvas {
  const canvas = new Canvas(size, plan.camera);
  const wall = hsv(0.56 + plan.hues[0], 0.3, 0.62);
  const wood = hsv(0.08 + plan.hues[1], 0.55, 0.5);
  canvas.cover((x, y) => {
    const colour = y < bench.back ? wallColour(x, y, wall, plan) : benchColour(x, y, wood, plan.seed);
    const speckle = valueNoise(x * 400, y * 400, plan.seed + 9);
    return brighten(colour, 0.985 + 0.03 * speckle);
  });
  for (const reach of [1, 0.8])
    canvas.blot(
      { x: plan.objectX + 0.07, y: bench.feet + 0.012 },
      0.3 * plan.width * reach,
      0.085 * reach,
      [0.05, 0.03, 0.02],
      0.6,
    );
  return canvas;
}

/** Lit from a window on the left; darker behind the bench. */
function wallColour(x: number, y: number, wall: Colour, plan: BenchPlan): Colour {
  const window = Math.exp(-((x - 0.12) ** 2 + (y - 0.12) ** 2) / 0.22);
  const shade = (0.72 + 0.42 * window) * (1 - 0.35 * Math.exp((y - bench.back) / 0.05));
  if (!plan.tiles) return brighten(wall, shade * (0.95 + 0.1 * valueNoise(x * 5, y * 5, plan.seed)));
  const row = Math.floor(y / 0.12);
  const column = Math.floor(x / 0.2 + (row % 2) / 2);
  const alongTile = x / 0.2 + (row % 2) / 2 - column;
  const downTile = y / 0.12 - row;
  const joint = Math.min(alongTile * 0.2, (1 - alongTile) * 0.2, downTile * 0.12, (1 - downTile) * 0.12) < 0.005;
  const glaze = 0.96 + 0.08 * valueNoise(column * 7.3, row * 5.1, plan.seed);
  return brighten(joint ? mix(wall, [0.9, 0.9, 0.88], 0.35) : wall, shade * glaze);
}

function benchColour(x: number, y: number, wood: Colour, seed: number): Colour {
  if (y > bench.front) return brighten(wood, 0.42 + 0.1 * valueNoise(x * 6, y * 60, seed));
  const along = (x - 0.5) / (y - vanishing);
  const plank = Math.floor(along * 7 + 0.5);
  const within = along * 7 + 0.5 - plank;
  const gap = within < 0.035 ? 0.62 : 1;
  const grain = 0.86 + 0.26 * valueNoise(along * 120, y * 9, seed + plank);
  const lit = 1.28 - 0.42 * x + 0.18 * (y - bench.back);
  const edge = y > bench.front - 0.012 ? 1.25 : 1;
  return brighten(wood, gap * grain * lit * edge);
}
