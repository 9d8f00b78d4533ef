import { CmmdError, matchTensors, type NamedTensors } from "@cmmd/core";
import { foldWeightNorm, type Shapes } from "./weight-norm.js";

/** Names as the official codes have them: newer versions of PyTorch name the parts of weight normalisation otherwise. */
const officialName = (name: string) =>
  name
    .replace(".parametrizations.weight.original0", ".weight_g")
    .replace(".parametrizations.weight.original1", ".weight_v");

/** The tensors of the network whose first convolution is called `first`, under their own names, out of a checkpoint that may hold others beside them. */
export function networkIn(tensors: NamedTensors, first: string): NamedTensors {
  const renamed = Object.entries(tensors).map(([name, tensor]) => [officialName(name), tensor] as const);
  const endings = [`${first}.weight`, `${first}.weight_v`];
  const found = renamed.flatMap(([name]) =>
    endings.filter((ending) => name.endsWith(ending)).map((ending) => name.slice(0, -ending.length)),
  );
  const prefix = found.find((one) => one === "" || one.endsWith("."));
  if (prefix === undefined) return {};
  return Object.fromEntries(
    renamed.flatMap(([name, tensor]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : [])),
  );
}

/**
 * The parameters of a network, weight normalisation folded. `shapes`: names and shapes as they are trained, with weight normalisation. Throws
 * CMMD570 with all that do not fit, CMMD340 for weights that are not finite.
 */
export function foldedAs(parameters: NamedTensors, shapes: Shapes, source: string): NamedTensors {
  const expected = Object.fromEntries(
    Object.entries(shapes).flatMap(([name, shape]) =>
      name.endsWith(".weight_g") ? [] : [[name.replace(/\.weight_v$/, ".weight"), shape]],
    ),
  );
  const folded = foldWeightNorm(parameters);
  matchTensors(folded, expected, source);
  const broken = Object.keys(folded).filter((name) => !folded[name]!.data.every(Number.isFinite));
  if (broken.length > 0)
    throw new CmmdError("CMMD340", `${source}: the weights are not finite: ${broken.join(", ")}`, {
      hint: "The training that wrote them had failed. Take an earlier checkpoint.",
      exitCode: 2,
    });
  return folded;
}
