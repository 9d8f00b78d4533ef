import { tf } from "@cmmd/jit";
import { convolution, leakyRelu, reflect, upsampling } from "./layers.js";
import { edge, type GeneratorOptions, kernel } from "./sizes.js";
import { convolutionParameters, type Parameters, type Shapes } from "./weight-norm.js";

/** A module with parameters; its name is its place in PyTorch's Sequential. */
type Module = { readonly name: string } & (
  | { readonly kind: "first"; readonly into: number; readonly out: number }
  | { readonly kind: "last"; readonly into: number; readonly out: number }
  | { readonly kind: "up"; readonly into: number; readonly out: number; readonly ratio: number }
  | { readonly kind: "residual"; readonly channels: number; readonly dilation: number }
);

/** The modules in order. Those without parameters (padding and activations) take places, too. */
function modules({ bins, ngf, ratios, residual_layers }: GeneratorOptions): Module[] {
  let channels = ngf * 2 ** ratios.length;
  const list: Module[] = [{ kind: "first", name: "model.1", into: bins, out: channels }];
  let place = 3;
  for (const ratio of ratios) {
    list.push({ kind: "up", name: `model.${place++}`, into: channels, out: channels / 2, ratio });
    channels /= 2;
    for (let i = 0; i < residual_layers; i++)
      list.push({ kind: "residual", name: `model.${place++}`, channels, dilation: 3 ** i });
    place++;
  }
  list.push({ kind: "last", name: `model.${place + 1}`, into: channels, out: 1 });
  return list;
}

function parametersOf(module: Module): Shapes {
  const { name } = module;
  if (module.kind === "up") return convolutionParameters(name, [module.into, module.out, 2 * module.ratio], module.out);
  if (module.kind !== "residual") return convolutionParameters(name, [module.out, module.into, kernel]);
  const { channels } = module;
  return {
    ...convolutionParameters(`${name}.block.2`, [channels, channels, 3]),
    ...convolutionParameters(`${name}.block.4`, [channels, channels, 1]),
    ...convolutionParameters(`${name}.shortcut`, [channels, channels, 1]),
  };
}

/** Names and shapes of the generator's parameters, as the official code names and stores them. */
export const generatorParameters = (options: GeneratorOptions): Shapes =>
  Object.assign({}, ...modules(options).map(parametersOf));

function apply(p: Parameters, module: Module, x: tf.Tensor3D): tf.Tensor3D {
  const { name } = module;
  if (module.kind === "first") return convolution(p, name, reflect(x, edge));
  if (module.kind === "up") return upsampling(p, name, leakyRelu(x), module.ratio);
  if (module.kind === "last") return tf.tanh(convolution(p, name, reflect(leakyRelu(x), edge)));
  const { dilation } = module;
  const inner = convolution(p, `${name}.block.2`, reflect(leakyRelu(x), dilation), { dilation });
  return tf.add(convolution(p, `${name}.shortcut`, x), convolution(p, `${name}.block.4`, leakyRelu(inner)));
}

/**
 * Traced: sound [batch, frames · hop] in [-1, 1] of log-mel spectrograms [batch, frames, bins]. The parameters have weight normalisation, or are
 * folded. At least `fewestFrames`.
 */
export function generate(options: GeneratorOptions, parameters: Parameters, mel: tf.Tensor3D): tf.Tensor2D {
  const sound = modules(options).reduce((x, module) => apply(parameters, module, x), mel);
  return sound.reshape([sound.shape[0], sound.shape[1]]);
}
