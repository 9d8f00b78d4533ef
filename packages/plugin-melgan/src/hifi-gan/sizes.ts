import { CmmdError, type FeatureDefinition, type Json } from "@cmmd/core";
import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";

const count = Type.Integer({ minimum: 1, maximum: 1 << 16 });
const list = <T extends TSchema>(items: T) => Type.Array(items, { minItems: 1, maxItems: 16 });

/** What the official configuration says of the generator, under its names: the weights do not tell dilations and rates. */
const networkOptions = Type.Object({
  resblock: Type.Union([Type.Literal("1"), Type.Literal("2")]),
  upsample_rates: list(count),
  upsample_kernel_sizes: list(count),
  upsample_initial_channel: count,
  resblock_kernel_sizes: list(count),
  resblock_dilation_sizes: list(list(count)),
});
export type HifiGanNetwork = Static<typeof networkOptions>;

/** The same of the features. */
const featureOptions = Type.Object({
  num_mels: count,
  n_fft: count,
  hop_size: count,
  win_size: count,
  sampling_rate: count,
  fmin: Type.Number({ minimum: 0 }),
  fmax: Type.Union([Type.Number({ exclusiveMinimum: 0 }), Type.Null()]),
});

/** Samples that each frame becomes. */
export const hopOf = ({ upsample_rates }: HifiGanNetwork) => upsample_rates.reduce((a, b) => a * b, 1);

/** What is wrong with sizes that the schema allows; undefined when nothing is. */
function unfit({
  upsample_rates: rates,
  upsample_kernel_sizes: kernels,
  ...sizes
}: HifiGanNetwork): string | undefined {
  const { resblock_kernel_sizes, resblock_dilation_sizes, upsample_initial_channel } = sizes;
  if (rates.length !== kernels.length)
    return `${rates.length} upsample_rates and ${kernels.length} upsample_kernel_sizes`;
  const odd = rates.findIndex((rate, i) => kernels[i]! < rate || (kernels[i]! - rate) % 2 !== 0);
  if (odd >= 0) return `an upsampling by ${rates[odd]} with a kernel of ${kernels[odd]}, which makes other lengths`;
  if (resblock_kernel_sizes.length !== resblock_dilation_sizes.length)
    return `${resblock_kernel_sizes.length} resblock_kernel_sizes and ${resblock_dilation_sizes.length} resblock_dilation_sizes`;
  if (resblock_kernel_sizes.some((kernel) => kernel % 2 === 0)) return "a resblock_kernel_sizes that is even";
  if (upsample_initial_channel % 2 ** rates.length !== 0)
    return `${upsample_initial_channel} channels, which ${rates.length} upsamplings cannot halve`;
  return undefined;
}

function checked<T extends TSchema>(schema: T, value: unknown, fail: (why: string) => CmmdError): Static<T> {
  const [first] = Value.Errors(schema, value);
  if (first) throw fail(`${first.path.slice(1).replaceAll("/", ".") || "it"}: ${first.message.toLowerCase()}`);
  return value as Static<T>;
}

const namesOf = (schema: { readonly properties: object }) => Object.keys(schema.properties).join(", ");

/** The sizes in a configuration that the official code wrote, or `cmmd import` after it. Throws CMMD342. */
export function networkIn(config: Json | undefined, source: string): HifiGanNetwork {
  const fail = (why: string) =>
    new CmmdError(
      "CMMD342",
      `${source}: the config.json beside it does not say what the HiFi-GAN generator is (${why})`,
      {
        hint: `Put the config.json of its training beside the checkpoint and import it. It has ${namesOf(networkOptions)}.`,
        exitCode: 2,
      },
    );
  const network = checked(networkOptions, config, fail);
  const wrong = unfit(network);
  if (wrong !== undefined) throw fail(wrong);
  const { properties } = networkOptions;
  return Object.fromEntries(Object.entries(network).filter(([name]) => name in properties)) as HifiGanNetwork;
}

/**
 * The features in the official configuration. The official code takes natural logarithms, of magnitudes of at least 1e-5, where cmmd has those to
 * base 10: the same features but for a factor, which the generator puts in. Throws CMMD342.
 */
export function definitionIn(config: Json | undefined, source: string): FeatureDefinition {
  const fail = (why: string) =>
    new CmmdError(
      "CMMD342",
      `${source}: the config.json beside it does not say what features it was trained on (${why})`,
      {
        hint: `It must have ${namesOf(featureOptions)}, and a window as long as the transform.`,
        exitCode: 2,
      },
    );
  const { num_mels, n_fft, hop_size, win_size, sampling_rate, fmin, fmax } = checked(featureOptions, config, fail);
  if (n_fft !== win_size) throw fail(`a window of ${win_size} in a transform of ${n_fft} samples`);
  return {
    kind: "log10-mel",
    rate: sampling_rate,
    bins: num_mels,
    window: win_size,
    hop: hop_size,
    fmin,
    fmax: fmax ?? sampling_rate / 2,
    floor: 1e-5,
  };
}
