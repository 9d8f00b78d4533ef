import type { JitOptions } from "@cmmd/jit";
import type { AnyPipeline, Computing } from "../pipeline/resolved.js";
import type { StageInput } from "./stage.js";

/** What a stage that runs programs depends on besides the device. */
export const computingOf = ({ precision, engine, backend }: AnyPipeline): Computing => ({
  precision,
  engine,
  ...(backend && { backend }),
});

/** How a stage's programs are compiled and where they are kept. Without a key of the cache: the graph itself is the key, which is never out of date. */
export const jitOptions = ({
  pipeline,
  device,
  programs,
}: Pick<StageInput<AnyPipeline>, "pipeline" | "device" | "programs">): JitOptions => ({
  ...computingOf(pipeline),
  device,
  cache: { directory: programs },
});
