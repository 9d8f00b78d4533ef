import type { UnetOptions } from "./options.js";

/** One module of the network, in the order of computation. */
export interface Module {
  readonly name: string;
  readonly kind: "block" | "down" | "up";
  readonly into: number;
  readonly out: number;
  readonly attention: boolean;
  readonly fusion: boolean;
  /** The skip connection that its input is concatenated with: 0 is the network's first convolution, i the encoder's i-th module. */
  readonly skip?: number;
}

export interface Topology {
  readonly encoder: readonly Module[];
  readonly middle: readonly Module[];
  readonly decoder: readonly Module[];
  readonly embedding: number;
}

/** A skip connection while the modules are listed. */
interface Skip {
  readonly index: number;
  readonly width: number;
}

/**
 * The network's modules: by default one block per encoder level, two in the middle, two per decoder level. The decoder's blocks take the
 * skip connections of their level, the newest first, for as long as there are any: with one block more than the encoder has, each takes one.
 */
export function topology(options: UnetOptions): Topology {
  const { encoder_blocks = 1, middle_blocks = 2, decoder_blocks = 2 } = options;
  const widths = options.multipliers.map((multiplier) => multiplier * options.channels);
  const last = widths.length - 1;
  const attends = (level: number) => options.attention_levels?.includes(level) ?? level > 0;
  const fuses = (level: number | "middle") =>
    options.fusion !== "none" && (options.fusion_levels?.includes(level) ?? true);
  const plain = { attention: false, fusion: false };
  const encoder: Module[] = [];
  const decoder: Module[] = [];
  /** By level, the oldest first. */
  const skips: Skip[][] = widths.map(() => []);
  let width = options.channels;
  skips[0]!.push({ index: 0, width });
  const encode = (level: number, module: Omit<Module, "name">, suffix = "") => {
    encoder.push({ ...module, name: `enc.${encoder.length}${suffix}` });
    width = module.out;
    skips[level]!.push({ index: encoder.length, width });
  };
  widths.forEach((out, level) => {
    for (let i = 0; i < encoder_blocks; i++)
      encode(level, { kind: "block", into: width, out, attention: attends(level), fusion: fuses(level) });
    if (level < last) encode(level + 1, { kind: "down", into: out, out, ...plain }, ".b");
  });
  const middle = Array.from(
    { length: middle_blocks },
    (_, i): Module => ({
      name: `mid.${i}`,
      kind: "block",
      into: width,
      out: width,
      attention: true,
      fusion: fuses("middle"),
    }),
  );
  for (let level = last; level >= 0; level--) {
    const out = widths[level]!;
    for (let i = 0; i < decoder_blocks; i++) {
      const skip = skips[level]!.pop();
      decoder.push({
        name: `dec.${decoder.length}`,
        kind: "block",
        into: width + (skip?.width ?? 0),
        out,
        attention: attends(level),
        fusion: fuses(level),
        ...(skip && { skip: skip.index }),
      });
      width = out;
    }
    if (level > 0) decoder.push({ name: `dec.${decoder.length}.b`, kind: "up", into: out, out, ...plain });
  }
  return { encoder, middle, decoder, embedding: options.embedding ?? 4 * options.channels };
}
