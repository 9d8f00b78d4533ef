import type * as tf from "@tensorflow/tfjs";
import type { HostTensor } from "./host.js";
import { jitStateful, type StatefulOptions } from "./variables.js";

type Batch = HostTensor | readonly HostTensor[];

export interface TrainStep {
  /** One step on a batch. The loss, and the metrics that the model was compiled with after it. The model then has the new weights. */
  (x: Batch, y: Batch): Promise<number[]>;
  /** Frees the compiled programs. */
  dispose(): Promise<void>;
}

/** What tfjs's `trainOnBatch` calls: tensors of all inputs, then of all targets. */
interface Trainable {
  makeTrainFunction(): (data: readonly tf.Tensor[]) => tf.Tensor[];
}

/**
 * `model.trainOnBatch` as one program: forward pass, gradients, optimizer and the layers' own updates, for a compiled tf.LayersModel. The
 * first step runs on backend "jit". What dropout leaves out follows from `seed` and the number of the step, whatever seeds the layers have;
 * layers that draw normally distributed numbers (GaussianNoise, GaussianDropout) are refused: JIT103.
 */
export function trainStep(model: tf.LayersModel, options: StatefulOptions = {}): TrainStep {
  // A Sequential trains the model that it wraps.
  const trained = ((model as { readonly model?: tf.LayersModel }).model ?? model) as unknown as Trainable;
  const train = trained.makeTrainFunction();
  const optimizer = model.optimizer as unknown as { readonly iterations: number; iterations_: number };
  const program = jitStateful((data: readonly tf.Tensor[]) => train(data), { name: model.name, ...options });
  let iterations = optimizer.iterations;
  const step = async (x: Batch, y: Batch) => {
    const losses = await program([x, y].flat() as readonly HostTensor[]);
    // The optimizer counts how often its own code runs, which is when it is traced.
    optimizer.iterations_ = ++iterations;
    const values = await Promise.all(losses.map(async (loss) => (await loss.read()).data[0]!));
    for (const loss of losses) loss.dispose();
    return values;
  };
  return Object.assign(step, { dispose: program.dispose });
}
