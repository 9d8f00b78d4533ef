import { dirname } from "node:path";
import { type Schedule, schedules } from "../diffusion/schedule.js";
import type { PipelineFacts } from "../plugin/components.js";
import type { Kind } from "../plugin/plugin.js";
import { type Checker, entrySchema, usePositions } from "./check.js";
import { type ClipParts, clipFacts } from "./clip-facts.js";
import { objectParts, validator } from "./compile.js";
import { frame } from "./frame.js";
import { latentSizeProblem } from "./latent-size.js";
import { type Path, placeAt } from "./tree.js";
import type { UseEntry } from "./use.js";

type Plain = Readonly<Record<string, unknown>>;

interface Position {
  readonly kind: Kind;
  readonly path: Path;
  readonly entry: UseEntry;
}

/** What components say of their own options in the light of the rest of the pipeline. Entries that are wrong in themselves are passed over. */
export async function checkComponents(checker: Checker, pipeline: Plain): Promise<void> {
  const positions = validEntries(checker, pipeline);
  const clips = await clipsOf(checker, pipeline, positions);
  const latents = positions.find(({ path }) => path.join() === "latents");
  const unfit = clips?.pictures && latents && latentSizeProblem(checker.registry, latents.entry, clips.pictures);
  if (unfit) checker.problem(unfit.code, unfit.message, unfit.hint, placeAt(checker.root, ["latents", "use"], "value"));
  const facts = factsOf(pipeline, positions, clips, dirname(checker.root.place.file));
  if (!facts) return;
  for (const { kind, path, entry } of positions)
    for (const { option, code, message, hint } of problemsOf(checker, { kind, path, entry }, facts))
      checker.problem(code, message, hint, placeAt(checker.root, [...path, option], "value"));
}

const problemsOf = (checker: Checker, { kind, path, entry }: Position, facts: PipelineFacts) =>
  checker.registry.get(kind, entry.use)?.described.check?.(entry, facts, path) ?? [];

/** Undefined when a part that fixes the clips' sizes is wrong. */
async function clipsOf(checker: Checker, { data, prepare }: Plain, positions: readonly Position[]) {
  const at = (...steps: Path) => positions.find(({ path }) => path.join("/") === steps.join("/"))?.entry;
  const listed = (list: "video" | "audio") => {
    const written = (prepare as Plain | undefined)?.[list];
    return Array.isArray(written) ? written.map((_, i) => at("prepare", list, i)) : [];
  };
  const [video, audio] = [listed("video"), listed("audio")];
  const whole = (entries: readonly (UseEntry | undefined)[]) => entries.filter((entry) => entry !== undefined);
  const valid = at("data") && whole(video).length === video.length && whole(audio).length === audio.length;
  if (!valid) return undefined;
  const { clip } = data as unknown as Pick<ClipParts, "clip">;
  return clipFacts({ clip, video: whole(video), audio: whole(audio), latents: at("latents") }, checker.registry);
}

/** Every valid `use:` entry of the pipeline, at any depth. */
function validEntries(checker: Checker, pipeline: Plain): Position[] {
  const visit = (schema: Parameters<typeof usePositions>[0], value: unknown, path: Path): Position[] =>
    usePositions(schema, value, path).flatMap(({ kind, path, value }) => {
      const entry = value as UseEntry | undefined;
      const registered = entry && checker.registry.get(kind, entry.use);
      if (!registered || !validator(entrySchema(registered, checker.language))(structuredClone(entry))) return [];
      return [{ kind, path, entry }, ...visit(registered.described.options, entry, path)];
    });
  return visit(checker.language.frame, pipeline, []);
}

/** Undefined when `diffusion` itself is wrong. */
function factsOf(
  { diffusion, train }: Plain,
  positions: readonly Position[],
  clips: Awaited<ReturnType<typeof clipsOf>>,
  base: string,
): PipelineFacts | undefined {
  const { properties } = objectParts(frame)!;
  if (!validator(properties.diffusion!)(structuredClone(diffusion))) return undefined;
  const { schedule, steps, predict } = diffusion as {
    schedule: keyof typeof schedules;
    steps: number;
    predict: PipelineFacts["predict"];
  };
  const { losses: written, batch } = (train ?? {}) as Plain;
  const losses = positions.filter(({ kind, path }) => kind === "losses" && path[0] === "train" && path.length === 3);
  let opened: Schedule | undefined;
  return {
    predict,
    base,
    clips: clips?.clips,
    features: clips?.features,
    batch: Number.isInteger(batch) ? (batch as number) : undefined,
    losses: Array.isArray(written) && written.length === losses.length ? losses.map(({ entry }) => entry) : [],
    get schedule() {
      opened ??= schedules[schedule](steps);
      return opened;
    },
  };
}
