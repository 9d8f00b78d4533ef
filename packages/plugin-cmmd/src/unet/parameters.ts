import { CmmdError, type NamedTensors, type PairShape, type Random } from "@cmmd/core";
import { fits } from "./fits.js";
import type { UnetOptions } from "./options.js";
import { type Module, topology } from "./topology.js";

/** How a parameter is initialised. `uniform`: U(-1/sqrt(fanIn), 1/sqrt(fanIn)), PyTorch's default for convolutions and linear layers. */
type Initialiser = "ones" | "zeros" | "fusion" | { readonly fanIn: number };

export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  readonly initialiser: Initialiser;
}

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** All parameters in their stable order, with PyTorch's names' shapes and layouts ([out, in, ...kernel]). */
export function parameters(options: UnetOptions, shape: PairShape): Parameter[] {
  const { encoder, middle, decoder, embedding } = topology(options);
  const base = options.channels;
  const videoChannels = shape.video[3];
  const audioBins = shape.audio[1];
  const list: Parameter[] = [];
  const add = (name: string, size: readonly number[], initialiser: Initialiser) =>
    list.push({ name, shape: size, initialiser });
  const affine = (name: string, channels: number) => {
    add(`${name}.weight`, [channels], "ones");
    add(`${name}.bias`, [channels], "zeros");
  };
  const layer = (name: string, size: readonly number[], initialiser?: Initialiser) => {
    const fanIn = { fanIn: product(size.slice(1)) };
    add(`${name}.weight`, size, initialiser ?? fanIn);
    add(`${name}.bias`, [size[0]!], initialiser ? "zeros" : fanIn);
  };
  const residual = (name: string, { into, out }: Module, video: boolean) => {
    const one = video ? [1, 1, 1] : [1];
    affine(`${name}.n1`, into);
    affine(`${name}.n2`, out);
    if (video) {
      layer(`${name}.c1.0`, [out, into, 1, 3, 3]);
      layer(`${name}.c1.1`, [out, out, 3, 1, 1]);
    } else layer(`${name}.c1`, [out, into, 3]);
    layer(`${name}.c2`, [out, out, ...one], "zeros");
    if (into !== out) layer(`${name}.skip`, [out, into, ...one]);
    layer(`${name}.emb`, [2 * out, embedding]);
  };
  const attention = (name: string, channels: number) => {
    affine(`${name}.norm`, channels);
    layer(`${name}.qkv`, [3 * channels, channels, 1]);
    layer(`${name}.out`, [channels, channels, 1], "zeros");
  };
  const fusion: Readonly<Record<UnetOptions["fusion"], (m: Module) => void>> = {
    none: () => {},
    easy({ name, out }) {
      layer(`${name}.pv`, [out, 2 * out, 1, 1, 1], "fusion");
      layer(`${name}.pa`, [out, 2 * out, 1], "fusion");
    },
    "cross-attention"({ name, out }) {
      for (const which of ["xv", "xa"]) {
        affine(`${name}.${which}.norm`, out);
        layer(`${name}.${which}.q`, [out, out, 1]);
        layer(`${name}.${which}.kv`, [2 * out, out, 1]);
        layer(`${name}.${which}.out`, [out, out, 1], "zeros");
      }
    },
  };
  const module = (m: Module) => {
    residual(`${m.name}.v`, m, true);
    residual(`${m.name}.a`, m, false);
    if (m.kind !== "block") return;
    if (m.fusion) fusion[options.fusion](m);
    if (m.attention) for (const which of ["sa", "ta", "aa"]) attention(`${m.name}.${which}`, m.out);
  };

  layer("time.0", [embedding, base]);
  layer("time.2", [embedding, embedding]);
  layer("v_in.0", [base, videoChannels, 1, 3, 3]);
  layer("v_in.1", [base, base, 3, 1, 1]);
  layer("a_in", [base, audioBins, 3]);
  for (const m of [...encoder, ...decoder, ...middle]) module(m);
  affine("v_out.0", base);
  layer("v_out.2", [videoChannels, base, 1, 3, 3], "zeros");
  affine("a_out.0", base);
  layer("a_out.2", [audioBins, base, 3], "zeros");
  return list;
}

/** Shapes by name, in the stable order. */
export const shapes = (options: UnetOptions, shape: PairShape) =>
  Object.fromEntries(parameters(options, shape).map(({ name, shape }) => [name, { shape }]));

/** Fresh parameters; each drawn from a stream of its own name, so that adding one changes no other. */
export function initialise(options: UnetOptions, shape: PairShape, random: (name: string) => Random): NamedTensors {
  const [first, ...others] = fits(options, shape);
  if (first)
    throw new CmmdError("CMMD501", [first, ...others].map(({ message }) => message).join("; "), {
      hint: first.hint,
      exitCode: 2,
    });
  return Object.fromEntries(
    parameters(options, shape).map(({ name, shape: size, initialiser }) => {
      const data = new Float32Array(product(size));
      if (initialiser === "ones") data.fill(1);
      else if (initialiser === "fusion") {
        const [out, into] = size as [number, number];
        const draw = random(name);
        const bound = 1 / Math.sqrt(into);
        for (let i = 0; i < data.length; i++) data[i] = (2 * draw.uniform() - 1) * bound;
        for (let o = 0; o < out; o++) for (let i = 0; i < out; i++) data[o * into + i] = o === i ? 1 : 0;
      } else if (initialiser !== "zeros") {
        const draw = random(name);
        const bound = 1 / Math.sqrt(initialiser.fanIn);
        for (let i = 0; i < data.length; i++) data[i] = (2 * draw.uniform() - 1) * bound;
      }
      return [name, { shape: size, data }];
    }),
  );
}
