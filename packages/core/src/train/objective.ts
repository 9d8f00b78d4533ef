import type { DeviceTensor, HostTensor } from "@cmmd/jit";
import type { Json } from "../plugin/components.js";
import type { NamedTensors } from "../plugin/tensors.js";
import type { Layout } from "./buckets.js";
import type { WholeState } from "./optimizer.js";

/** The state of one set of parameters: from a checkpoint, or as the step before left it. */
export type StateTensors = WholeState<HostTensor | DeviceTensor>;

/**
 * The training state: sets of parameters by name, each with its own moments and average. `model` is the set that is generated with; a
 * network that is only trained against, such as a discriminator, is another one.
 */
export type States = Readonly<Record<string, StateTensors>>;

/** What one step gave. */
export interface StepResult {
  /** Scalars of the step by name. */
  readonly log: Readonly<Record<string, number>>;
  /** The whole objective and the norm of its gradient; training stops when they are not finite. */
  readonly loss: number;
  readonly gradient: number;
  /** In mixed precision: a gradient overflowed, and the step changed nothing but the loss scale. */
  readonly overflowed: boolean;
}

/**
 * What is trained, as the training loop sees it: the loop knows steps, checkpoints, curves and when to stop, the objective knows networks,
 * data and losses. Nothing an objective does may depend on anything but its configuration, the state and the step: that is what makes
 * resumed training equal to uninterrupted training bit by bit.
 */
export interface Objective<Drawn> {
  /** Names, shapes and order of the parameters of each set. */
  readonly layouts: Readonly<Record<string, Layout>>;
  /** What the parameters are of, written beside every checkpoint; training that continues one of another configuration is refused. */
  readonly configuration: Readonly<Record<string, Json>>;
  /** Clips that a step learns from. */
  readonly batch: number;
  /** The untrained parameters of each set. */
  initial(): Readonly<Record<string, NamedTensors>>;
  /** What is printed before training. */
  describe(): readonly string[];
  /** What the step with 0-based index `step` learns from, as host tensors. A pure function of the step; may have been drawn ahead. */
  draw(step: number): Drawn | Promise<Drawn>;
  /** Takes the steps that these were drawn for, of which the first has the 0-based index `step`. Consumes `state`. */
  run(
    state: States,
    drawn: readonly Drawn[],
    step: number,
  ): Promise<{ readonly state: States; readonly steps: readonly StepResult[] }>;
  /** Why training should stop after a step although every number is finite. */
  runaway(log: StepResult["log"], step: number): string | undefined;
  /** Scalars over data that is not learnt from. Leaves `state` as it is. Absent when the pipeline asks for none. */
  readonly validate?: {
    readonly every: number;
    run(state: States, step: number): Promise<Readonly<Record<string, number>>>;
  };
  /** Writes examples of what the state makes. Leaves `state` as it is. Absent when the pipeline asks for none. */
  readonly preview?: { readonly every: number; run(state: States, step: number): Promise<void> };
  dispose(): Promise<void>;
}
