import { type Parametrisation, type PipelineFacts, parametrisations } from "@cmmd/core";
import type { tf } from "@cmmd/jit";
import type { Weighting } from "./options.js";

/** A line over alphaBar: constant + linear alphaBar. */
type Line = Parametrisation["x0Error"];

/**
 * What x0's squared error counts, times 1 - alphaBar: the least of these lines. By Eq. 3, prediction of v stands for the weight
 * 1 / (1 - alphaBar), of epsilon for the signal-to-noise ratio alphaBar / (1 - alphaBar), of x0 for 1; min-SNR (Hang et al. 2023) is
 * min(SNR, gamma), whatever the network predicts.
 */
function linesOf(weighting: Exclude<Weighting, "none">): readonly Line[] {
  if (typeof weighting === "string") return [parametrisations[weighting].x0Error];
  return [
    [0, 1],
    [weighting.min_snr, -weighting.min_snr],
  ];
}

/** Traced: the factor w(n) on the squared error of the prediction, of the shape of `alphaBar`; undefined when it is 1. */
export function stepWeights(weighting: Weighting, { x0Error }: Parametrisation, alphaBar: tf.Tensor) {
  if (weighting === "none") return undefined;
  const at = ([constant, linear]: Line) => alphaBar.mul(linear).add(constant);
  return linesOf(weighting)
    .map(at)
    .reduce((a, b) => a.minimum(b))
    .div(at(x0Error));
}

/** The same factor for one alphaBar. */
export function stepWeight(weighting: Weighting, predict: PipelineFacts["predict"], alphaBar: number): number {
  if (weighting === "none") return 1;
  const at = ([constant, linear]: Line) => constant + linear * alphaBar;
  return Math.min(...linesOf(weighting).map(at)) / at(parametrisations[predict].x0Error);
}
