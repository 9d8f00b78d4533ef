import { smooth } from "../drawing/noise.js";
import type { Point } from "../drawing/shapes.js";
import type { DancerPlan } from "./plan.js";
import { between, type Pose, poses } from "./poses.js";

/** Scene height of the ankles of a standing foot. */
export const ankles = 0.885;
/** Lengths in picture sides. */
const body = {
  stand: 0.355,
  thigh: 0.19,
  shin: 0.19,
  torso: 0.215,
  neck: 0.095,
  shoulders: 0.082,
  hips: 0.045,
  upperArm: 0.125,
  forearm: 0.12,
};

/** Root, middle joint and end. */
export type Limb = readonly [Point, Point, Point];

/** Where the joints are, in scene units. */
export interface Skeleton {
  readonly hips: Point;
  readonly chest: Point;
  readonly head: Point;
  /** Radians to the right. */
  readonly lean: number;
  readonly leftLeg: Limb;
  readonly rightLeg: Limb;
  readonly leftArm: Limb;
  readonly rightArm: Limb;
}

/** How low the hips are at `phase` beats: 1 exactly on every beat, and the same before as after it. */
function dipAt(phase: number): number {
  return Math.exp(1.1 * (Math.cos(2 * Math.PI * phase) - 1));
}

/** The figure at `time` seconds: the hips sink by the beat alone; a pose of the phrase is reached on every beat and held for a while. */
export function skeletonAt(plan: DancerPlan, time: number): Skeleton {
  const phase = ((time - plan.first) * plan.tempo) / 60;
  const beat = Math.floor(phase);
  const turn = smooth((phase - beat - 0.3) / 0.7);
  const from = poseOf(plan, beat);
  const to = poseOf(plan, beat + 1);
  const pose = between(from, to, turn);
  const middle = plan.x;
  const hips = { x: middle + pose.sway, y: ankles - body.stand + plan.dip * dipAt(phase) };
  const up = (length: number, angle: number, base: Point): Point => ({
    x: base.x + length * Math.sin(angle),
    y: base.y - length * Math.cos(angle),
  });
  const chest = up(body.torso, pose.lean, hips);
  const lifted = 0.045 * Math.sin(Math.PI * turn);
  const leg = (side: -1 | 1, foot: number, moves: boolean) =>
    bent(
      { x: hips.x + side * body.hips, y: hips.y },
      { x: middle + foot, y: ankles - (moves ? lifted : 0) },
      body.thigh,
      body.shin,
      side,
    );
  const arm = (side: -1 | 1, [shoulder, elbow]: Pose["leftArm"]): Limb => {
    const root = { x: chest.x + side * body.shoulders, y: chest.y + side * body.shoulders * pose.lean + 0.012 };
    const joint = outwards(root, shoulder, body.upperArm, side);
    return [root, joint, outwards(joint, shoulder + elbow, body.forearm, side)];
  };
  return {
    hips,
    chest,
    head: up(body.neck, pose.lean + pose.tilt, chest),
    lean: pose.lean,
    leftLeg: leg(-1, pose.leftFoot, from.leftFoot !== to.leftFoot),
    rightLeg: leg(1, pose.rightFoot, from.rightFoot !== to.rightFoot),
    leftArm: arm(-1, pose.leftArm),
    rightArm: arm(1, pose.rightArm),
  };
}

function poseOf({ phrase }: DancerPlan, beat: number): Pose {
  return poses[phrase[((beat % phrase.length) + phrase.length) % phrase.length]!]!;
}

function outwards(from: Point, angle: number, length: number, side: -1 | 1): Point {
  return { x: from.x + side * length * Math.sin(angle), y: from.y + length * Math.cos(angle) };
}

/** The leg between hip and ankle: the knee by the law of cosines, turned outwards. */
function bent(root: Point, end: Point, upper: number, lower: number, side: -1 | 1): Limb {
  const dx = end.x - root.x;
  const dy = end.y - root.y;
  const length = Math.hypot(dx, dy);
  const reach = Math.min(length, (upper + lower) * 0.999);
  const cos = (upper * upper + reach * reach - lower * lower) / (2 * upper * reach);
  const offset = upper * Math.sqrt(Math.max(0, 1 - cos * cos));
  const along = (upper * cos) / length;
  const joint = {
    x: root.x + dx * along + (side * offset * dy) / length,
    y: root.y + dy * along - (side * offset * dx) / length,
  };
  return [root, joint, end];
}
