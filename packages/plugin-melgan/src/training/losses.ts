import { type Discrimination, fourierBasis, magnitudes, type NamedTensors } from "@cmmd/core";
import { tf } from "@cmmd/jit";
import { resolutions } from "./resolutions.js";

const mean = (x: tf.Tensor) => tf.mean<tf.Scalar>(x);
const sum = (scalars: readonly tf.Scalar[]) => scalars.reduce((a, b) => tf.add<tf.Scalar>(a, b));
const scoresOf = (judged: Discrimination) => judged.map((maps) => maps.at(-1)!);

/** Least-squares GAN (Mao et al. 2017), the discriminators' part: the mean of (D(x) - 1)² + D(x')² of each scale, summed over the scales. */
export const discriminatorLoss = (real: Discrimination, made: Discrimination): tf.Scalar =>
  sum([
    ...scoresOf(real).map((score) => mean(score.sub(1).square())),
    ...scoresOf(made).map((score) => mean(score.square())),
  ]);

/** The generator's part: the mean of (D(x') - 1)² of each scale, summed over the scales. */
export const adversarialLoss = (made: Discrimination): tf.Scalar =>
  sum(scoresOf(made).map((score) => mean(score.sub(1).square())));

/**
 * Mean absolute difference of every feature map, weighted as in MelGAN's official code: 4 / (layers + 1) / scales, where a scale with so many
 * grouped layers has two more feature maps than these.
 */
export function featureMatchingLoss(real: Discrimination, made: Discrimination): tf.Scalar {
  const differences = made.flatMap((maps, scale) =>
    maps.slice(0, -1).map((map, i) => mean(map.sub(real[scale]![i]!).abs())),
  );
  const layers = made[0]!.length - 3;
  return sum(differences).mul(4 / (layers + 1) / made.length);
}

/** Magnitudes below it count as it. */
const leastMagnitude = 10 ** -3.5;

const basisName = ({ points }: { readonly points: number }) => `basis-${points}`;

/** What `stftLoss` needs. */
export const stftConstants = (): NamedTensors =>
  Object.fromEntries(resolutions.map((sizes) => [basisName(sizes), fourierBasis(sizes)]));

/**
 * Multi-resolution STFT distance (Yamamoto et al. 2020): spectral convergence ‖X - X'‖ / ‖X‖ and the mean absolute difference of the logarithms,
 * their mean over the resolutions.
 */
export function stftLoss(
  constants: Readonly<Record<string, tf.Tensor>>,
  real: tf.Tensor2D,
  made: tf.Tensor2D,
): tf.Scalar {
  const distances = resolutions.map((sizes) => {
    const magnitude = (x: tf.Tensor2D) => magnitudes(constants[basisName(sizes)]!, x, sizes).maximum(leastMagnitude);
    const [own, copied] = [magnitude(real), magnitude(made)];
    const convergence = tf.sqrt(own.sub(copied).square().sum().add(1e-12)).div(tf.sqrt(own.square().sum()));
    return convergence.add(mean(own.log().sub(copied.log()).abs())) as tf.Scalar;
  });
  return sum(distances).div(resolutions.length);
}
