/**
 * A pose that is reached on a beat. Angles in radians: arms from hanging down, outwards and up; `lean` and `tilt` to the right of the
 * picture. Lengths in picture sides.
 */
export interface Pose {
  /** Hips to the side. */
  readonly sway: number;
  readonly lean: number;
  readonly tilt: number;
  readonly leftArm: readonly [shoulder: number, elbow: number];
  readonly rightArm: readonly [shoulder: number, elbow: number];
  /** Feet from the middle. */
  readonly leftFoot: number;
  readonly rightFoot: number;
}

export const poses: readonly Pose[] = [
  { sway: -0.03, lean: 0.06, tilt: 0.1, leftArm: [0.5, 1.5], rightArm: [0.9, 1.7], leftFoot: -0.13, rightFoot: 0.09 },
  { sway: 0.03, lean: -0.06, tilt: -0.1, leftArm: [0.9, 1.7], rightArm: [0.5, 1.5], leftFoot: -0.09, rightFoot: 0.13 },
  { sway: -0.04, lean: -0.1, tilt: -0.08, leftArm: [2.3, 0.5], rightArm: [0.7, 0.5], leftFoot: -0.16, rightFoot: 0.1 },
  { sway: 0.04, lean: 0.1, tilt: 0.08, leftArm: [0.7, 0.5], rightArm: [2.3, 0.5], leftFoot: -0.1, rightFoot: 0.16 },
  { sway: 0, lean: 0, tilt: 0.12, leftArm: [1.5, 0.15], rightArm: [1.5, 0.15], leftFoot: -0.14, rightFoot: 0.14 },
  { sway: 0, lean: 0, tilt: 0, leftArm: [2.5, 0.6], rightArm: [2.5, 0.6], leftFoot: -0.08, rightFoot: 0.08 },
  { sway: 0.02, lean: -0.12, tilt: -0.1, leftArm: [1.3, 1.6], rightArm: [0.3, 0.3], leftFoot: -0.12, rightFoot: 0.06 },
  { sway: -0.02, lean: 0.12, tilt: 0.1, leftArm: [0.3, 0.3], rightArm: [1.3, 1.6], leftFoot: -0.06, rightFoot: 0.12 },
];

/** The pose between two, number by number. */
export function between(a: Pose, b: Pose, amount: number): Pose {
  const blend = (from: number, to: number) => from + (to - from) * amount;
  const arm = (from: Pose["leftArm"], to: Pose["leftArm"]) => [blend(from[0], to[0]), blend(from[1], to[1])] as const;
  return {
    sway: blend(a.sway, b.sway),
    lean: blend(a.lean, b.lean),
    tilt: blend(a.tilt, b.tilt),
    leftArm: arm(a.leftArm, b.leftArm),
    rightArm: arm(a.rightArm, b.rightArm),
    leftFoot: blend(a.leftFoot, b.leftFoot),
    rightFoot: blend(a.rightFoot, b.rightFoot),
  };
}
