import type { AutoencoderBody } from "../plugin/components.js";
import type { Registry } from "../registry/registry.js";
import type { UseEntry } from "./use.js";

/** How far the nearest size that fits is looked for. */
const reach = 512;

/** [height, width] of the latents that an autoencoder makes of pictures, fractions where it cannot; undefined when its declaration does not say. */
export function latentGrid(registry: Registry, latents: UseEntry, height: number, width: number) {
  // In the declaration or not at all: what is behind `load` may be a whole network.
  const body = registry.get("autoencoders", latents.use)?.described as Partial<AutoencoderBody<unknown>> | undefined;
  return body?.shape?.(latents, height, width);
}

/** The sizes next to `size`, below and above, that pass. */
function nearest(size: number, passes: (size: number) => boolean): number[] {
  const from = (start: number, step: -1 | 1) => {
    for (let n = start; n > 0 && Math.abs(n - size) <= reach; n += step) if (passes(n)) return [n];
    return [];
  };
  return [...new Set([...from(size, -1), ...from(size, 1)])];
}

/** Why pictures of [height, width] have no latents of whole sizes (CMMD555), and what would do instead. */
export function latentSizeProblem(
  registry: Registry,
  latents: UseEntry,
  [height, width]: readonly [number, number],
): { readonly code: string; readonly message: string; readonly hint: string } | undefined {
  const grid = latentGrid(registry, latents, height, width);
  if (!grid || grid.every(Number.isInteger)) return undefined;
  const whole = (height: number, width: number) =>
    latentGrid(registry, latents, height, width)?.every(Number.isInteger) === true;
  const heights = nearest(height, (size) => whole(size, size));
  const widths = nearest(width, (size) => whole(size, size));
  const sides = [...new Set(Number.isInteger(grid[0]) ? widths : [...heights, ...widths])].sort((a, b) => a - b);
  return {
    code: "CMMD555",
    message: `the autoencoder "${latents.use}" cannot divide pictures of ${width}x${height} pixels: their latents would measure ${grid[1]}x${grid[0]}`,
    hint: `Resize or crop them in prepare.video: sides of ${sides.join(" or ")} fit.`,
  };
}
