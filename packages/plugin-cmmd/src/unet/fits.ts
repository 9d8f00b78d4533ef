import type { OptionProblem, PairShape } from "@cmmd/core";
import type { UnetOptions } from "./options.js";
import { topology } from "./topology.js";

/** The multiples of `factor` around `size`, in words. */
function nearestMultiples(size: number, factor: number): string {
  const below = Math.floor(size / factor) * factor;
  const above = below + factor;
  return below === 0 ? `the nearest is ${above}` : `the nearest are ${below} and ${above}`;
}

/** The levels in `listed` that the network does not have. */
const unknownLevels = (listed: readonly (number | string)[] | undefined, levels: number) =>
  (listed ?? []).filter((level) => typeof level === "number" && level >= levels);

/** All that is wrong with the options of `cmmd-unet`, alone and for clips of `shape`. Code CMMD501. */
export function fits(options: UnetOptions, shape: PairShape | undefined): readonly OptionProblem[] {
  const problems: OptionProblem[] = [];
  const problem = (option: keyof UnetOptions, message: string, hint: string) =>
    problems.push({ option, code: "CMMD501", message: `the model "cmmd-unet" does not fit: ${message}`, hint });
  const levels = options.multipliers.length;
  const factor = 2 ** (levels - 1);
  const [, height, width] = shape?.video ?? [];
  for (const [name, size, change] of [
    ["latent height", height, "the size of the pictures"],
    ["latent width", width === height ? undefined : width, "the size of the pictures"],
    ["mel length", shape?.audio[0], "the length of the clips (frames)"],
  ] as const)
    if (size !== undefined && size % factor !== 0)
      problem(
        "multipliers",
        `${levels} levels halve the ${name} ${levels - 1} times, but ${size} is not a multiple of ${factor}; ${nearestMultiples(size, factor)}`,
        `Change ${change}, or take fewer levels.`,
      );
  for (const option of ["attention_levels", "fusion_levels"] as const) {
    const unknown = unknownLevels(options[option], levels);
    if (unknown.length > 0)
      problem(option, `there is no level ${unknown.join(", ")}`, `The levels are 0 to ${levels - 1}.`);
  }
  if (options.fusion === "none" && options.fusion_levels !== undefined)
    problem("fusion_levels", `"fusion: none" fuses nowhere`, "Remove it, or choose another fusion.");
  if (options.channels % 2 !== 0)
    problem("channels", `${options.channels} channels are odd, but the time embedding needs pairs`, "Add one.");
  const { encoder, middle, decoder } = topology(options);
  const modules = [...encoder, ...middle, ...decoder];
  const firstWith = (fails: (width: number) => boolean, widths: (m: (typeof modules)[number]) => readonly number[]) =>
    modules.flatMap((m) => widths(m).map((width) => ({ name: m.name, width }))).find(({ width }) => fails(width));
  const ungrouped = firstWith(
    (width) => width % options.groups !== 0,
    ({ into, out }) => [into, out],
  );
  if (ungrouped)
    problem(
      "groups",
      `${ungrouped.width} channels of ${ungrouped.name} do not divide into ${options.groups} groups`,
      "Change groups, channels or multipliers.",
    );
  const headless = firstWith(
    (width) => width % options.head_dim !== 0,
    (m) => (m.attention || (m.fusion && options.fusion === "cross-attention") ? [m.out] : []),
  );
  if (headless)
    problem(
      "head_dim",
      `${headless.width} channels of ${headless.name} do not divide into heads of ${options.head_dim}`,
      "Change head_dim, channels or multipliers.",
    );
  if (options.fusion === "cross-attention" && options.head_dim % 2 !== 0)
    problem("head_dim", `heads of ${options.head_dim} are odd, but the encoding of time needs pairs`, "Make it even.");
  return problems;
}
