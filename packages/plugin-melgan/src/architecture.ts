import type { Json, NamedTensors } from "@cmmd/core";
import type { tf } from "@cmmd/jit";
import type { Parameters } from "./weight-norm.js";

/** A trained network that makes sound of log-mel spectrograms: its sizes are those of its weights. */
export interface Generator {
  readonly bins: number;
  /** Samples that each frame becomes. */
  readonly hop: number;
  /** The fewest frames that it takes. */
  readonly fewestFrames: number;
  /** Frames on each side of a frame that its sound depends on. */
  readonly margin: number;
  /** Weight normalisation folded. */
  readonly parameters: NamedTensors;
  /** Traced: sound [batch, frames · hop] in [-1, 1] of features [batch, frames, bins]. */
  generate(parameters: Parameters, mel: tf.Tensor3D): tf.Tensor2D;
}

/** A kind of such networks. */
export interface Architecture {
  /** Name of the vocoder. */
  readonly name: string;
  /**
   * The network of a checkpoint's tensors, however these are prefixed. `network` is what `config.json` beside the weights says of it; `source` is
   * for messages. Throws CMMD340 for tensors of another kind of network or that are not finite, CMMD570 with all that do not fit together.
   */
  read(tensors: NamedTensors, network: Json | undefined, source: string): Generator;
}
