import type { Canvas, Material } from "../drawing/canvas.js";
import { brighten, type Colour, hsv } from "../drawing/colour.js";
import { capsule, ellipse, type Point, polygon } from "../drawing/shapes.js";
import type { ToolName } from "./materials.js";

/** A place on the tool: distance from the pivot along it, and to the side that strikes; in picture sides. */
type Local = (along: number, below: number) => Point;

interface Tool {
  /** The point that meets the object. */
  readonly along: number;
  readonly below: number;
  paint(canvas: Canvas, local: Local, hue: number): void;
}

const steel: Material = { colour: [0.74, 0.77, 0.82], gloss: 0.55, sharpness: 18 };
/** Radians between contact and a full stroke. */
const swing = 1.02;
const lift = 0.05;

const tools: Readonly<Record<ToolName, Tool>> = {
  hammer: {
    along: 0.47,
    below: 0.13,
    paint(canvas, local, hue) {
      const grip = hsv(0.02 + hue, 0.82, 0.86);
      canvas.paint(capsule(local(0.1, 0), local(0.47, 0), 0.024, 0.02), wooden([0.82, 0.6, 0.34]));
      canvas.paint(capsule(local(-0.25, 0), local(0.16, 0), 0.036), rubber(grip));
      const head = [local(0.4, -0.09), local(0.54, -0.09), local(0.54, 0.13), local(0.4, 0.13)];
      canvas.paint(polygon(head, 0.014, { bevel: 0.035 }), steel);
      const band = [local(0.393, -0.03), local(0.547, -0.03), local(0.547, 0.035), local(0.393, 0.035)];
      canvas.paint(polygon(band, 0.008, { bevel: 0.02 }), { ...steel, colour: brighten(grip, 0.8) });
    },
  },
  mallet: {
    along: 0.47,
    below: 0.09,
    paint(canvas, local, hue) {
      canvas.paint(capsule(local(-0.25, 0), local(0.45, 0), 0.026, 0.018), wooden([0.9, 0.72, 0.46]));
      canvas.paint(ellipse(local(0.47, 0), 0.088, 0.09), {
        colour: hsv(0.0 + hue, 0.78, 0.92),
        gloss: 0.45,
        sharpness: 22,
      });
    },
  },
  knife: {
    along: 0.42,
    below: 0.095,
    paint(canvas, local, hue) {
      const blade = [
        local(0.12, -0.055),
        local(0.5, -0.055),
        local(0.585, 0.03),
        local(0.5, 0.082),
        local(0.42, 0.095),
      ];
      canvas.paint(polygon([...blade, local(0.12, 0.095)], 0.006, { bevel: 0.04 }), { ...steel, gloss: 0.7 });
      canvas.paint(capsule(local(-0.25, -0.02), local(0.14, -0.02), 0.036, 0.04), rubber(hsv(0.62 + hue, 0.6, 0.4)));
      for (const along of [-0.02, 0.06]) canvas.paint(ellipse(local(along, -0.02), 0.011, 0.011), steel);
    },
  },
};

/** Paints the tool at `height` (0: touching `contact`, 1: a full stroke) with its shadow on the bench at `benchY`. */
export function paintTool(
  canvas: Canvas,
  name: ToolName,
  contact: Point,
  height: number,
  hue: number,
  benchY: number,
): void {
  const tool = tools[name];
  const angle = height * swing;
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  const pivot = { x: contact.x + tool.along + 0.015 * height, y: contact.y - tool.below - lift * height };
  const local: Local = (along, below) => ({
    x: pivot.x - along * cos - below * sin,
    y: pivot.y - along * sin + below * cos,
  });
  const nearness = 1 / (1 + 2.2 * height);
  for (const along of [0.15, 0.3, tool.along])
    canvas.blot({ x: local(along, 0).x + 0.05, y: benchY }, 0.17, 0.05, [0.05, 0.03, 0.02], 0.42 * nearness);
  tool.paint(canvas, local, hue);
}

function wooden(colour: Colour): Material {
  return {
    colour: ({ along, across }) => brighten(colour, 0.94 + 0.06 * Math.sin(along * 90 + across * 3)),
    gloss: 0.18,
    sharpness: 12,
  };
}

function rubber(colour: Colour): Material {
  return { colour, gloss: 0.22, sharpness: 8 };
}
