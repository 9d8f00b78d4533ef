import { matchTensors, type NamedTensor, type NamedTensors, openSafetensors } from "@cmmd/core";
import type { Shapes } from "./sequence.js";

/** A linear layer's weight is [O, I] in some files, [O, I, 1, 1] in others; the numbers are the same. */
const withoutOnes = (shape: readonly number[]) => shape.filter((size, i) => i < 2 || size !== 1).join();

function shapedAs(tensor: NamedTensor, shape: readonly number[]): NamedTensor {
  return withoutOnes(tensor.shape) === withoutOnes(shape) ? { ...tensor, shape } : tensor;
}

/**
 * The tensors of a network out of a file, named as `shapes` are; it may hold others. `rename` turns published names into those. Throws
 * CMMD410 (no safetensors file, or a damaged one) and CMMD570 with all tensors that are missing or have another shape.
 */
export async function readWeights(
  path: string,
  shapes: Shapes,
  rename: (name: string) => string = (name) => name,
): Promise<NamedTensors> {
  const file = await openSafetensors(path);
  const found: Record<string, NamedTensor> = {};
  for (const published of file.names) {
    const name = rename(published);
    const shape = shapes[name];
    if (shape) found[name] = shapedAs(await file.read(published), shape);
  }
  matchTensors(found, Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, { shape }])), path, {
    ignoreOthers: true,
    hint: "Give the safetensors file that the authors of this autoencoder publish, complete; a checkpoint of a whole pipeline is another.",
  });
  return Object.fromEntries(Object.keys(shapes).map((name) => [name, found[name]!]));
}
