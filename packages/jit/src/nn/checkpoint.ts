import * as tf from "@tensorflow/tfjs";
import { JitError } from "../errors.js";
import { atPlace } from "../trace/call-site.js";
import { registerLowering } from "../trace/lowering.js";
import { flattenTree, isTensor, unflattenTree } from "../tree.js";

const checkpointName = "JitCheckpoint";
const barrierName = "JitBarrier";

type Run = (inputs: readonly tf.Tensor[]) => tf.Tensor[];

/** What the kernel of tfjs that stands for the whole function is given besides its inputs. */
interface Call {
  readonly run: Run;
  readonly results: readonly tf.Tensor[];
}

/**
 * The result of `f` at a tree of tensors, a tree of tensors, too. The backward pass computes `f` again from its inputs instead of keeping
 * what it computed on the way: less memory, more time (PyTorch's torch.utils.checkpoint). Works in a trace and eagerly, nested, and for
 * gradients of gradients. `f` must be pure, and everything that it uses, weights too, must be among `inputs`: otherwise throws JIT112.
 */
export function checkpoint<P, R>(f: (inputs: P) => R, inputs: P): R {
  const { leaves, structure } = flattenTree(inputs, isTensor);
  const run: Run = (tensors) => flattenTree(f(unflattenTree(structure, tensors) as P), isTensor).leaves;
  return tf.tidy(() => {
    const flat = flattenTree(
      withoutTape(() => f(inputs), leaves),
      isTensor,
    );
    const call: Call = { run, results: flat.leaves };
    register(tf.getBackend());
    const outputs = tf
      .engine()
      .runKernel(checkpointName, leaves as unknown as tf.NamedTensorMap, call as unknown as tf.NamedAttrMap);
    return unflattenTree(flat.structure, outputs as unknown as tf.Tensor[]) as tf.TensorContainer;
  }) as R;
}

/** Runs a function whose operations tfjs's tape forgets. Where a tape is kept, throws JIT112 when they use a tensor that is older and no input. */
function withoutTape<R>(f: () => R, inputs: readonly tf.Tensor[]): R {
  const { state } = tf.engine();
  const tape = state.activeTape;
  const oldest = tf.scalar(0).id;
  state.activeTape = [];
  try {
    const result = f();
    for (const { inputs: used, kernelName, saved } of state.activeTape) {
      for (const x of Object.values(used)) {
        if (x.id < oldest && !inputs.includes(x)) throw notAmongInputs(x, kernelName);
      }
      for (const tensor of saved ?? []) tensor.dispose();
    }
    return result;
  } finally {
    state.activeTape = tape;
  }
}

const notAmongInputs = ({ shape }: tf.Tensor, kernelName: string) =>
  new JitError("JIT112", `nn.checkpoint: ${kernelName} uses a tensor [${shape}] from outside${atPlace()}`, {
    hint: "Put it into the inputs of nn.checkpoint: the backward pass does not have it, and it would get no gradient.",
  });

function register(backendName: string): void {
  if (tf.getKernel(checkpointName, backendName) !== undefined) return;
  tf.registerKernel({
    kernelName: checkpointName,
    backendName,
    // A result that is an input, too, needs a name of its own on the tape.
    kernelFunc: ({ attrs }) => (attrs as unknown as Call).results.map((result) => result.clone()),
  });
}

tf.registerGradient({
  kernelName: checkpointName,
  saveAllInputs: true,
  gradFunc: (dy, saved, attrs) => {
    const grads = gradientsAgain((attrs as unknown as Call).run, saved, Array.isArray(dy) ? dy : [dy]);
    return Object.fromEntries(grads.map((grad, i) => [i, () => grad]));
  },
});

/** Gradients by the inputs from those by the results, with everything computed anew. */
function gradientsAgain(run: Run, saved: readonly tf.Tensor[], dys: readonly tf.Tensor[]): tf.Tensor[] {
  const firsts = dys.flatMap((dy) => (dy.dtype === "float32" ? [dy.flatten().slice(0, 1)] : []));
  const dy = firsts.reduce((a, b) => a.add(b));
  const inputs = saved.map((x) => after(x, dy));
  const differentiable = inputs.filter(({ dtype }) => dtype === "float32");
  const { grads } = withTapeOfItsOwn(() =>
    tf.engine().gradients(
      () => {
        const products = run(inputs).flatMap((y, i) => (y.dtype === "float32" ? [y.mul(dys[i]!).sum()] : []));
        return products.reduce((a, b) => a.add(b));
      },
      differentiable,
      undefined as unknown as tf.Tensor,
      true,
    ),
  );
  const gradient = new Map(differentiable.map((x, i) => [x, grads[i] as tf.Tensor | undefined]));
  return inputs.map((x) => gradient.get(x) ?? tf.zeros(x.shape));
}

/** tfjs's outermost gradient ends the tape, also that of a gradient around it whose backward pass is under way. */
function withTapeOfItsOwn<T>(compute: () => T): T {
  const { state } = tf.engine();
  const tape = state.activeTape;
  const outermost = state.gradientDepth === 0;
  try {
    return compute();
  } finally {
    if (outermost) state.activeTape = tape;
  }
}

/** `x`, but not before `dy` is there, so that the recomputation is no common subexpression of the forward pass and runs late. */
function after(x: tf.Tensor, dy: tf.Tensor): tf.Tensor {
  if (tf.getKernel(barrierName, tf.getBackend()) === undefined || x.dtype !== "float32" || x.size === 0) return x;
  return tf.engine().runKernel(barrierName, { x, dy });
}

registerLowering(barrierName, (b, { x, dy }) => b.op("Barrier", [x!, dy!]));

tf.registerGradient({
  kernelName: barrierName,
  inputsToSave: ["dy"],
  gradFunc: (ddx, [dy]) => ({ x: () => ddx as tf.Tensor, dy: () => tf.zerosLike(dy!) }),
});
