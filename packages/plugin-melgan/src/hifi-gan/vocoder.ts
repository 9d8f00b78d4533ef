import { CmmdError, type VocoderBody } from "@cmmd/core";
import type { Architecture } from "../architecture.js";
import { foldedAs, networkIn as tensorsOf } from "../checkpoints.js";
import { openVocoder } from "../vocoder.js";
import { generate, generatorParameters, marginOf } from "./generator.js";
import type { HifiGanOptions } from "./options.js";
import { definitionIn, hopOf, networkIn } from "./sizes.js";

const first = "conv_pre";

/** HiFi-GAN's generator, named as the official code names it. */
const hifiGanArchitecture: Architecture = {
  name: "hifi-gan",
  read(tensors, config, source) {
    const own = tensorsOf(tensors, first);
    const into = (own[`${first}.weight_v`] ?? own[`${first}.weight`])?.shape;
    if (into?.length !== 3)
      throw new CmmdError("CMMD340", `${source}: not the weights of a HiFi-GAN generator`, {
        hint: "Its first convolution is called conv_pre. Give the file of the generator, not of the discriminators or of another network.",
        exitCode: 2,
      });
    const network = networkIn(config, source);
    const bins = into[1]!;
    return {
      bins,
      hop: hopOf(network),
      fewestFrames: 1,
      margin: marginOf(network),
      parameters: foldedAs(own, generatorParameters(network, bins), source),
      generate: (parameters, mel) => generate(network, parameters, mel),
    };
  },
};

/** HiFi-GAN with published weights; it is not trained here. */
export const hifiGan: VocoderBody<HifiGanOptions> = {
  published(tensors, source, config) {
    const { bins, hop } = hifiGanArchitecture.read(tensors, config, source);
    const definition = definitionIn(config, source);
    if (definition.bins !== bins || definition.hop !== hop)
      throw new CmmdError(
        "CMMD342",
        `${source}: the config.json beside it says ${definition.bins} bins and hop ${definition.hop}, but the weights are for ${bins} bins and hop ${hop}`,
        { hint: "The file belongs to other weights.", exitCode: 2 },
      );
    return { tensors: tensorsOf(tensors, first), definition, network: networkIn(config, source) };
  },
  open: (definition, { weights }, context) => openVocoder(hifiGanArchitecture, weights, definition, context),
};
