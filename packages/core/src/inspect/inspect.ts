import type { ResolvedPipeline } from "../pipeline/resolved.js";
import type { PairShape } from "../plugin/clips.js";
import type { ClipFacts } from "../plugin/components.js";
import type { Registry } from "../registry/registry.js";
import type { ActiveLoss } from "../train/program.js";
import { samplingMemory, trainingMemory } from "./memory.js";
import { pipelinePrograms } from "./programs.js";
import { clipSizes } from "./sizes.js";

/** What one program costs for a number of clips. */
interface BatchCost {
  readonly batch: number;
  readonly multiplyAdds: number;
  /** Peak of the process's memory on `cpu`, in bytes. */
  readonly memory: number;
}

/** Everything about a pipeline's model that follows from the pipeline file alone. */
export interface Inspection {
  readonly shape: PairShape;
  /** Steps of each modality per second. */
  readonly rates: ClipFacts["rates"];
  readonly parameters: number;
  readonly tensors: number;
  /** One evaluation of the network for one clip, without guidance. */
  readonly forward: { readonly multiplyAdds: number };
  /** By the losses in force, in the order of the steps. */
  readonly training: readonly {
    readonly from: number;
    /** The step before which another set of losses takes over. */
    readonly until: number;
    readonly losses: readonly string[];
    /** The pipeline's own. */
    readonly batch: number;
    readonly byBatch: readonly BatchCost[];
  }[];
  readonly generate: readonly {
    readonly name: string;
    readonly task: string;
    readonly sampler: string;
    /** Network evaluations for a clip. */
    readonly evaluations: number;
    readonly guidance: string | undefined;
    /** The pipeline's own. */
    readonly batch: number;
    /** Of one evaluation. */
    readonly byBatch: readonly BatchCost[];
  }[];
}

type LossEntry = ResolvedPipeline["train"]["losses"][number];
const inForce = ({ from, until }: LossEntry, step: number) => step >= from && (until === undefined || step < until);

/** Stretches of steps with the same losses. */
function phasesOf({ steps, losses }: ResolvedPipeline["train"]) {
  const edges = losses.flatMap(({ from, until }) => [from, until ?? steps]);
  const starts = [...new Set([0, ...edges])].filter((step) => step < steps).sort((a, b) => a - b);
  return starts.map((from, i) => ({
    from,
    until: starts[i + 1] ?? steps,
    active: losses.filter((loss) => inForce(loss, from)),
  }));
}

/** What is inspected, and who hears of each of the programs that are traced, which takes seconds for a large network. */
interface InspectOptions {
  readonly batches: readonly number[];
  readonly progress?: (done: number, total: number) => void;
}

/**
 * Parameters, multiply-adds and memory of a pipeline's model by batch size, before anything is loaded: the programs are traced from shapes
 * alone. Throws CMMD571 where the pipeline does not fix the sizes of clips, and the model's own errors where it does not fit them.
 */
export async function inspectPipeline(
  pipeline: ResolvedPipeline,
  registry: Registry,
  { batches, progress }: InspectOptions,
): Promise<Inspection> {
  const { shape, rates } = await clipSizes(pipeline, registry);
  const programs = await pipelinePrograms(pipeline, registry, shape, rates);
  const { layout } = programs;
  const { train } = pipeline;
  const sorted = (own: number) => [...new Set([...batches, own])].sort((a, b) => a - b);
  // A batch that is not divided into its parts is no batch of this pipeline.
  const trained = sorted(train.batch).filter((batch) => batch % train.accumulate === 0);
  const phases = phasesOf(train);
  // What the table shows is the processor's memory, which takes one step in a run by itself.
  const perRun = train.steps_per_run === "auto" ? 1 : train.steps_per_run;
  const generated = pipeline.generate.reduce((sum, { batch }) => sum + sorted(batch).length, 1);
  const total = phases.length * trained.length + generated;
  let done = 0;
  const traced = <T>(facts: T): T => {
    progress?.(++done, total);
    return facts;
  };
  const training = await Promise.all(
    phases.map(async ({ from, until, active }) => {
      const losses: ActiveLoss[] = await Promise.all(
        active.map(async (used, i) => ({
          name: `${used.use}.${i}`,
          used,
          body: await registry.implementation("losses", used.use),
        })),
      );
      return {
        from,
        until,
        losses: active.map(({ use }) => use),
        batch: train.batch,
        byBatch: trained.map((batch) => {
          const facts = traced(programs.training(losses, batch));
          return { batch, multiplyAdds: facts.multiplyAdds, memory: trainingMemory(facts, layout, perRun) };
        }),
      };
    }),
  );
  const generate = await Promise.all(
    pipeline.generate.map(async (generation) => {
      const { name, task, sampler, guidance, batch } = generation;
      const body = await registry.implementation("samplers", sampler.use);
      const costs: BatchCost[] = [];
      for (const size of sorted(batch)) {
        const facts = traced(await programs.evaluation(generation, size));
        costs.push({ batch: size, multiplyAdds: facts.multiplyAdds, memory: samplingMemory(facts) });
      }
      return {
        name,
        task,
        sampler: sampler.use,
        evaluations: body.evaluations(sampler.options),
        guidance: guidance?.use,
        batch,
        byBatch: costs,
      };
    }),
  );
  const { multiplyAdds } = traced(await programs.evaluation(undefined, 1));
  return {
    shape,
    rates,
    parameters: layout.size,
    tensors: layout.parameters.length,
    forward: { multiplyAdds },
    training,
    generate,
  };
}
