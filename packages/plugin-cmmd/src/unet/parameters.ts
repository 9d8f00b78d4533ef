import { CmmdError, type NamedTensors, type PairShape, type Random } from "@cmmd/core";
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
  const module = (m: Module) => {
    residual(`${m.name}.v`, m, true);
    residual(`${m.name}.a`, m, false);
    if (m.kind !== "block") return;
    if (options.fusion === "easy") {
      layer(`${m.name}.pv`, [m.out, 2 * m.out, 1, 1, 1], "fusion");
      layer(`${m.name}.pa`, [m.out, 2 * m.out, 1], "fusion");
    }
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

/** Checks that the sizes fit together; all that is wrong at once. */
function check(options: UnetOptions, shape: PairShape): void {
  const factor = 2 ** (options.multipliers.length - 1);
  const problems: string[] = [];
  for (const [name, size] of [
    ["latent height", shape.video[1]],
    ["latent width", shape.video[2]],
    ["mel length", shape.audio[0]],
  ] as const)
    if (size % factor !== 0) problems.push(`${name} ${size} is not a multiple of ${factor}`);
  const { encoder, middle, decoder } = topology(options);
  for (const m of [...encoder, ...middle, ...decoder]) {
    for (const width of new Set([m.into, m.out]))
      if (width % options.groups !== 0)
        problems.push(`${m.name}: ${width} channels do not divide into ${options.groups} groups`);
    if (m.attention && m.out % options.head_dim !== 0)
      problems.push(`${m.name}: ${m.out} channels do not divide into heads of ${options.head_dim}`);
  }
  if (options.channels % 2 !== 0)
    problems.push(`channels ${options.channels} is odd, but the time embedding needs pairs`);
  if (problems.length > 0)
    throw new CmmdError("CMMD501", `the model cmmd-unet does not fit the data: ${problems.join("; ")}`, {
      hint: `Change model.channels, model.groups, model.head_dim or model.multipliers, or make the clips a multiple of ${factor} in size.`,
      exitCode: 2,
    });
}

/** Fresh parameters; each drawn from a stream of its own name, so that adding one changes no other. */
export function initialise(options: UnetOptions, shape: PairShape, random: (name: string) => Random): NamedTensors {
  check(options, shape);
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
