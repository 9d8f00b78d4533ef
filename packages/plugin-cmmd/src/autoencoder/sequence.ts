import type { tf } from "@cmmd/jit";

/** Weights by name inside a trace. */
export type Parameters = Readonly<Record<string, tf.Tensor>>;
/** Names and shapes, PyTorch's layouts. */
export type Shapes = Readonly<Record<string, readonly number[]>>;

/** One layer of a sequential network: its kind, the name that its weights begin with, its channels. */
export interface Layer<K extends string = string> {
  readonly kind: K;
  readonly name: string;
  readonly into: number;
  readonly out: number;
}

/** What a kind of layer is. */
export interface LayerKind {
  /** Shapes of the layer's weights by what follows its name. */
  shapes(layer: Layer): Shapes;
  /** Traced: channels-last pictures [N, H, W, into] to [N, H', W', out]. `weight` gives a weight by what follows the layer's name. */
  apply(x: tf.Tensor4D, layer: Layer, weight: (name: string) => tf.Tensor): tf.Tensor4D;
}

/** A network of layers one after the other: what its weights are, and its value. */
export function sequence<K extends string>(kinds: Readonly<Record<K, LayerKind>>, layers: readonly Layer<K>[]) {
  const shapes: Shapes = Object.fromEntries(
    layers.flatMap((layer) =>
      Object.entries(kinds[layer.kind].shapes(layer)).map(([name, shape]) => [layer.name + name, shape] as const),
    ),
  );
  return {
    shapes,
    apply: (weights: Parameters, x: tf.Tensor4D) =>
      layers.reduce((y, layer) => kinds[layer.kind].apply(y, layer, (name) => weights[layer.name + name]!), x),
  };
}

export type Sequence = ReturnType<typeof sequence>;
