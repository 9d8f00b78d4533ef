import type { UnetOptions } from "./options.js";

/** One module of the network, in the order of computation. */
export interface Module {
  readonly name: string;
  readonly kind: "block" | "down" | "up";
  readonly into: number;
  readonly out: number;
  readonly attention: boolean;
  /** Whether the module's input is concatenated with the newest skip connection. */
  readonly skip: boolean;
}

export interface Topology {
  readonly encoder: readonly Module[];
  readonly middle: readonly Module[];
  readonly decoder: readonly Module[];
  readonly embedding: number;
}

/** The network's modules: one block per encoder level, two in the middle, two per decoder level. */
export function topology(options: UnetOptions): Topology {
  const widths = options.multipliers.map((multiplier) => multiplier * options.channels);
  const last = widths.length - 1;
  const attends = (level: number) => options.attention_levels?.includes(level) ?? level > 0;
  const encoder: Module[] = [];
  const decoder: Module[] = [];
  const skips = [options.channels];
  let width = options.channels;
  const encode = (module: Omit<Module, "name" | "skip">, suffix = "") => {
    encoder.push({ ...module, name: `enc.${encoder.length}${suffix}`, skip: false });
    width = module.out;
    skips.push(width);
  };
  widths.forEach((out, level) => {
    encode({ kind: "block", into: width, out, attention: attends(level) });
    if (level < last) encode({ kind: "down", into: out, out, attention: false }, ".b");
  });
  const middle = [0, 1].map(
    (i): Module => ({ name: `mid.${i}`, kind: "block", into: width, out: width, attention: true, skip: false }),
  );
  for (let level = last; level >= 0; level--) {
    const out = widths[level]!;
    for (let i = 0; i < 2; i++) {
      const into = width + skips.pop()!;
      decoder.push({ name: `dec.${decoder.length}`, kind: "block", into, out, attention: attends(level), skip: true });
      width = out;
    }
    if (level > 0)
      decoder.push({ name: `dec.${decoder.length}.b`, kind: "up", into: out, out, attention: false, skip: false });
  }
  return { encoder, middle, decoder, embedding: options.embedding ?? 4 * options.channels };
}
