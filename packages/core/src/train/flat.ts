import { tf } from "@cmmd/jit";
import type { NamedTensors } from "../plugin/tensors.js";

/** Names and shapes of parameters in one flat vector. */
export type Layout = readonly { readonly name: string; readonly shape: readonly number[]; readonly size: number }[];

export function layoutOf(tensors: NamedTensors): Layout {
  return Object.entries(tensors).map(([name, { shape, data }]) => ({ name, shape, size: data.length }));
}

/** All tensors, one after the other. */
export function flatten(tensors: NamedTensors, layout: Layout): Float32Array {
  const flat = new Float32Array(layout.reduce((sum, { size }) => sum + size, 0));
  let offset = 0;
  for (const { name, size } of layout) {
    const tensor = tensors[name];
    if (tensor?.data.length !== size) throw new Error(`parameter ${name} is missing or has another size`);
    flat.set(tensor.data, offset);
    offset += size;
  }
  return flat;
}

export function unflatten(flat: Float32Array, layout: Layout): NamedTensors {
  let offset = 0;
  return Object.fromEntries(
    layout.map(({ name, shape, size }) => {
      const data = flat.slice(offset, offset + size);
      offset += size;
      return [name, { shape, data }];
    }),
  );
}

/** Traced: the parameters by name, cut out of the flat vector. */
export function parametersOf(flat: tf.Tensor, layout: Layout): Record<string, tf.Tensor> {
  const parts = tf.split(
    flat as tf.Tensor1D,
    layout.map(({ size }) => size),
  );
  return Object.fromEntries(layout.map(({ name, shape }, i) => [name, parts[i]!.reshape([...shape])]));
}
