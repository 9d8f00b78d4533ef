import type * as tf from "@tensorflow/tfjs";
import { JitError } from "./errors.js";
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
 * layers that draw normally distributed numbers (GaussianNoise, GaussianDropout) are refused: JIT103. The optimizer's settings are constants
 * of the program: when one was changed, such as the learning rate, the next step compiles again. Throws JIT115.
 */
export function trainStep(model: tf.LayersModel, options: StatefulOptions = {}): TrainStep {
  if (model.optimizer === undefined) {
    throw new JitError("JIT115", `the model ${model.name} is not compiled`, {
      hint: "Call model.compile({ optimizer, loss }) first.",
    });
  }
  // A Sequential trains the model that it wraps.
  const trained = ((model as { readonly model?: tf.LayersModel }).model ?? model) as unknown as Trainable;
  const train = trained.makeTrainFunction();
  const optimizer = model.optimizer as unknown as { readonly iterations: number; iterations_: number };
  // The key is the optimizer's settings: others mean other arguments, for which there is another program.
  const program = jitStateful(
    (data: Readonly<Record<string, readonly tf.Tensor[]>>) => train(Object.values(data)[0]!),
    {
      name: model.name,
      ...options,
    },
  );
  const settingsNow = () => JSON.stringify(model.optimizer.getConfig());
  let settings = settingsNow();
  let iterations = optimizer.iterations;
  const step = async (x: Batch, y: Batch) => {
    const changed = settings !== settingsNow();
    settings = settingsNow();
    const closing = changed ? program.dispose() : undefined;
    const losses = await program({ [settings]: [x, y].flat() as readonly HostTensor[] });
    await closing;
    // The optimizer counts how often its own code runs, which is when it is traced.
    optimizer.iterations_ = ++iterations;
    const values = await Promise.all(losses.map(async (loss) => (await loss.read()).data[0]!));
    for (const loss of losses) loss.dispose();
    return values;
  };
  return Object.assign(step, { dispose: program.dispose });
}
