import type { HostTensor } from "@cmmd/jit";
import { CmmdError } from "../errors.js";
import type { AnyPipeline } from "../pipeline/resolved.js";
import type { StageInput } from "../stages/stage.js";
import { pack, startOf } from "./buckets.js";
import { checkpoints, readFacts, readState } from "./checkpoint.js";
import type { Objective, States, StepResult } from "./objective.js";
import type { WholeState } from "./optimizer.js";
import { compareConfigurations, type Origin } from "./origin.js";
import { scalar } from "./scalars.js";

/** The first scale of the loss in mixed precision. */
const firstScale = 2 ** 16;

/** Where training begins that was not interrupted: weights of other training, if the pipeline names any, and options of the model that may differ from theirs. */
export interface Beginning {
  origin(): Promise<Origin | undefined>;
  readonly incidental: readonly string[];
}

/** A state, the steps that it has taken, and what the last of them logged where its validation and samples are still to be made. */
interface Opened {
  readonly step: number;
  readonly states: States;
  readonly pending?: StepResult["log"] | undefined;
}

async function openState(
  { context, pipeline }: StageInput<AnyPipeline>,
  objective: Objective<unknown>,
  beginning: Beginning,
): Promise<Opened> {
  const { folder } = context;
  const { layouts } = objective;
  const fresh = () =>
    Object.fromEntries(
      Object.entries(objective.initial()).map(([set, tensors]) => [
        set,
        { buckets: startOf(pack(tensors, layouts[set]!)) },
      ]),
    );
  const resumed = checkpoints.newest(folder);
  if (resumed !== undefined) {
    context.log(`goes on from step ${resumed}`);
    const { states, pending } = await readState(checkpoints.path(folder, resumed), layouts);
    return { step: resumed, states, pending };
  }
  const origin = await beginning.origin();
  if (!origin) return { step: 0, states: fresh() };
  const { reset, from, steps } = pipeline.train;
  const source = `train.from: ${from}`;
  // Before the weights are read: whose shapes differ, too, is told best by what makes them differ.
  const facts = readFacts(origin.path);
  const differences = compareConfigurations(facts, objective.configuration, source, {
    incidental: beginning.incidental,
    weightsOnly: reset || facts.step === undefined,
  });
  if (differences !== undefined) context.warn(`${source} was trained otherwise: ${differences}`);
  const found = await readState(origin.path, layouts);
  const lacking = Object.keys(layouts).filter((set) => !(set in found.states));
  if (lacking.length > 0) context.log(`${from} has no weights of the ${lacking.join(" and the ")}: untrained ones`);
  const read = lacking.length > 0 ? { ...found, states: { ...fresh(), ...found.states } } : found;
  if (reset || read.step === undefined) {
    context.log(`begins with the weights of ${from}`);
    const anew = ({ buckets }: WholeState<unknown>) => ({
      buckets: startOf(buckets.map(({ parameters }) => parameters as HostTensor)),
    });
    return {
      step: 0,
      states: Object.fromEntries(Object.entries(read.states).map(([set, state]) => [set, anew(state)])),
    };
  }
  if (read.step >= steps)
    throw new CmmdError(
      "CMMD524",
      `${source} has taken ${read.step} steps, and train.steps is ${steps}: nothing is left`,
      {
        hint: "Raise train.steps, name an earlier checkpoint (@STEP), or set train.reset: true.",
        exitCode: 2,
      },
    );
  context.log(`goes on from step ${read.step} of ${from}`);
  return { step: read.step, states: read.states };
}

/** Gives every set a loss scale, which mixed precision needs and nothing else has. */
function scaledStates(states: States): States {
  const start = { scale: scalar(firstScale), good: scalar(0) };
  return Object.fromEntries(
    Object.entries(states).map(([set, { buckets, lossScale = start }]) => [set, { buckets, lossScale }]),
  );
}

const unscaledStates = (states: States): States =>
  Object.fromEntries(Object.entries(states).map(([set, { buckets }]) => [set, { buckets }]));

/**
 * The state that training goes on from: the newest checkpoint's, otherwise that of `train.from`, otherwise the untrained one; with a loss
 * scale in mixed precision. Throws CMMD522 when `train.from` is of another configuration, CMMD524 when it has taken all steps.
 */
export async function beginningState(
  input: StageInput<AnyPipeline>,
  objective: Objective<unknown>,
  beginning: Beginning,
): Promise<Opened> {
  const opened = await openState(input, objective, beginning);
  const fitting = input.pipeline.precision === "mixed" ? scaledStates : unscaledStates;
  return { ...opened, states: fitting(opened.states) };
}
