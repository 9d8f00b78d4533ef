import type { MaterialName, ToolName } from "../bench/materials.js";
import type { ModalMaterial } from "./modal.js";

/** Ratios: a free bar's for wood; a thick plate's, somewhat irregular, for metal; a tumbler's, about the squares, for glass. */
export const objectSounds: Readonly<Record<MaterialName, ModalMaterial>> = {
  wood: {
    base: 430,
    modes: [
      [0.47, 0.5, 0.06],
      [1, 1, 0.075],
      [2.57, 0.55, 0.045],
      [4.95, 0.3, 0.03],
      [7.6, 0.16, 0.02],
      [10.4, 0.1, 0.014],
    ],
    burst: { strength: 1.1, seconds: 0.006, cutoff: 2600 },
  },
  metal: {
    base: 620,
    modes: [
      [1, 0.75, 0.42],
      [1.52, 0.6, 0.36],
      [2.31, 0.7, 0.3],
      [2.74, 0.45, 0.26],
      [3.88, 0.5, 0.2],
      [5.13, 0.4, 0.15],
      [6.79, 0.3, 0.11],
      [8.31, 0.22, 0.08],
    ],
    burst: { strength: 0.9, seconds: 0.004, cutoff: 7000 },
  },
  glass: {
    base: 1750,
    modes: [
      [1, 0.85, 0.24],
      [1.09, 0.35, 0.2],
      [2.32, 0.7, 0.13],
      [3.1, 0.3, 0.09],
      [4.1, 0.45, 0.06],
    ],
    burst: { strength: 0.7, seconds: 0.003, cutoff: 9000 },
  },
};

/** What the tool itself adds. */
export const toolSounds: Readonly<Record<ToolName, ModalMaterial>> = {
  hammer: {
    base: 140,
    modes: [
      [1, 0.5, 0.035],
      [14.5, 0.14, 0.05],
    ],
    burst: { strength: 0.5, seconds: 0.003, cutoff: 4000 },
  },
  mallet: {
    base: 210,
    modes: [
      [1, 0.7, 0.045],
      [2.3, 0.25, 0.03],
    ],
    burst: { strength: 0.6, seconds: 0.006, cutoff: 1400 },
  },
  knife: {
    base: 2350,
    modes: [
      [1, 0.16, 0.09],
      [1.47, 0.12, 0.07],
      [2.09, 0.1, 0.05],
    ],
    burst: { strength: 0.6, seconds: 0.003, cutoff: 8000 },
  },
};

/** A thud in another room. */
export const offScreenSound: ModalMaterial = {
  base: 95,
  modes: [
    [1, 1, 0.09],
    [1.9, 0.6, 0.06],
    [3.3, 0.3, 0.04],
  ],
  burst: { strength: 1, seconds: 0.03, cutoff: 420 },
};
