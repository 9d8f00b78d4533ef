import * as tf from "@tensorflow/tfjs";

interface Term {
  readonly labels: string;
  readonly x: tf.Tensor;
}

/** Sums over the axes whose label is not wanted. Left to tfjs's eager einsum, such sums come out wrong for some equations. */
function sumOthers({ labels, x }: Term, wanted: string): Term {
  const axes = [...labels].flatMap((label, axis) => (wanted.includes(label) ? [] : [axis]));
  if (axes.length === 0) return { labels, x };
  return { labels: [...labels].filter((label) => wanted.includes(label)).join(""), x: x.sum(axes) };
}

/** The gradient by one term: dy and the other term summed to its labels, spread over those that it alone has. */
function byTerm(dy: Term, own: Term, others: readonly Term[]): tf.Tensor {
  const factors = [dy, ...others].map((term, i, all) =>
    sumOthers(term, own.labels + all.filter((_, j) => j !== i).map(({ labels }) => labels).join("")),
  ); // biome-ignore format: one sum
  const known = new Set(factors.flatMap(({ labels }) => [...labels]));
  const labels = [...own.labels].filter((label) => known.has(label)).join("");
  const equation = `${factors.map((term) => term.labels).join(",")}->${labels}`;
  const gradient = tf.einsum(equation, ...factors.map(({ x }) => x));
  const shape = [...own.labels].map((label, axis) => (known.has(label) ? own.x.shape[axis]! : 1));
  return tf.broadcastTo(gradient.reshape(shape), own.x.shape as [number]);
}

tf.registerGradient({
  kernelName: "Einsum",
  saveAllInputs: true,
  gradFunc: (dy, saved, attrs) => {
    const [inputs, output] = (attrs.equation as string).replace(/\s/g, "").split("->") as [string, string];
    const terms = inputs.split(",").map((labels, i): Term => ({ labels, x: saved[i]! }));
    const result = { labels: output, x: dy as tf.Tensor };
    return Object.fromEntries(
      terms.map((term, i) => [
        String(i),
        () => byTerm(result, term, terms.filter((_, j) => j !== i)),
      ]),
    ); // biome-ignore format: one entry a term
  },
});
