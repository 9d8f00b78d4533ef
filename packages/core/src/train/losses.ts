import { CmmdError } from "../errors.js";
import type { ResolvedPipeline } from "../pipeline/resolved.js";
import type { StageInput } from "../stages/stage.js";
import type { ActiveLoss } from "./program.js";

type LossEntry = ResolvedPipeline["train"]["losses"][number];

/** A loss and when it is in force. */
export interface TimedLoss extends ActiveLoss {
  readonly used: LossEntry;
}

/** The losses of a pipeline, their code loaded. */
export async function openLosses({
  pipeline,
  component,
}: Pick<StageInput, "pipeline" | "component">): Promise<TimedLoss[]> {
  const { losses } = pipeline.train;
  return Promise.all(
    losses.map(async (used, i) => {
      const repeated = losses.filter(({ use }) => use === used.use).length > 1;
      return { name: repeated ? `${used.use}.${i}` : used.use, used, body: await component("losses", used.use) };
    }),
  );
}

/** The losses in force at the step with 0-based index `step`. Throws CMMD520 when there is none. */
export function lossesAt(losses: readonly TimedLoss[], step: number): TimedLoss[] {
  const active = losses.filter(({ used: { from, until } }) => step >= from && (until === undefined || step < until));
  if (active.length > 0) return active;
  throw new CmmdError("CMMD520", `no loss is in force at step ${step}`, {
    hint: "Change `from` and `until` of train.losses so that every step has a loss.",
    exitCode: 2,
  });
}

/** The objective in one line, e.g. `loss = diffusion − 5e-05·(audio⁻ + video⁻) from step 400000`. */
export function describeLosses(losses: readonly TimedLoss[]): string {
  const parts = losses.map(({ used, body }) => {
    const when = `${used.from > 0 ? ` from step ${used.from}` : ""}${used.until === undefined ? "" : ` until step ${used.until}`}`;
    return `${body.describe(used.options)}${when}`;
  });
  return `loss = ${parts.reduce((sum, part) => (/^[−-]/.test(part) ? `${sum} ${part}` : `${sum} + ${part}`))}`;
}

/** What a loss says of a step that ran away, by the scalars that it logged itself. */
export function runawayOf(
  losses: readonly TimedLoss[],
  log: Readonly<Record<string, number>>,
  step: number,
): string | undefined {
  for (const { name, used, body } of losses) {
    if (!body.runaway) continue;
    const own = Object.entries(log).flatMap(([key, value]) =>
      key.startsWith(`${name}/`) ? [[key.slice(name.length + 1), value] as const] : [],
    );
    const reason = body.runaway(used.options, { ...Object.fromEntries(own), loss: log.loss! }, step);
    if (reason !== undefined) return reason;
  }
  return undefined;
}
