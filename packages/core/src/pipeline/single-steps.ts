/** Why `train.steps_per_run` must be 1 where the state stays between runs; also said where the device `auto` turns out to be `webgpu`. */
export const takesSingleSteps = (where: string, steps: number) => ({
  message: `"${where}" keeps the state between runs and takes one step in each, not ${steps}`,
  hint: "Remove train.steps_per_run.",
});
