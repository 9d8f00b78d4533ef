import { diffuse, type LossBody } from "@cmmd/core";
import { tf } from "@cmmd/jit";
import { jointError } from "./error.js";
import type { DiffusionOptions, Weighting } from "./options.js";

/** As the objective's formula says it. */
export function describeWeighting(weighting: Weighting): string {
  if (weighting === "none") return "";
  return typeof weighting === "string" ? ` weighted as ${weighting}` : ` with min-SNR ${weighting.min_snr}`;
}

/** The joint diffusion loss (Eq. 4): the mean square error of each modality, by its weight, added. */
export const body: LossBody<DiffusionOptions> = {
  describe({ weights: { video, audio }, weighting }) {
    const name = video === 1 && audio === 1 ? "diffusion" : `diffusion(${video}·video + ${audio}·audio)`;
    return `${name}${describeWeighting(weighting)}`;
  },
  value({ weights, weighting }, batch, _drawn, network, parametrisation) {
    const outputs = network(
      diffuse(batch.video, batch.noise.video, batch.alphaBar),
      diffuse(batch.audio, batch.noise.audio, batch.alphaBar),
      batch.n,
    );
    const { video, audio } = jointError(outputs, batch, parametrisation, weighting);
    const loss = tf.add(tf.mul(video.error, weights.video), tf.mul(audio.error, weights.audio)) as tf.Scalar;
    return { loss, log: { video: video.error, audio: audio.error } };
  },
};
