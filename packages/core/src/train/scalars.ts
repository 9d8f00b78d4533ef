import type { DeviceTensor, HostTensor } from "@cmmd/jit";

export const scalar = (value: number): HostTensor => ({ shape: [], data: Float32Array.of(value) });

/** Results of a program by name or in order. */
type Scalars = Readonly<Record<string, DeviceTensor>> | readonly DeviceTensor[];

/** What a program gave of each of the `count` steps that it took, by name: scalars of one, vectors of several. They are freed. */
export async function numbersOfSteps(tensors: Scalars, count: number): Promise<Record<string, number>[]> {
  const steps = Array.from({ length: count }, (): Record<string, number> => ({}));
  for (const [name, tensor] of Object.entries(tensors)) {
    const { data } = await tensor.read();
    tensor.dispose();
    for (const [i, step] of steps.entries()) step[name] = data[i]!;
  }
  return steps;
}

/** The values of a program's scalars; they are freed. */
export const numbersOf = async (tensors: Scalars): Promise<Record<string, number>> =>
  (await numbersOfSteps(tensors, 1))[0]!;

/** The norm of each step's gradient, of sums of squares of its parts; these are freed. */
export const normsOf = async (squares: readonly DeviceTensor[], count: number): Promise<number[]> =>
  (await numbersOfSteps(squares, count)).map((step) => Math.sqrt(Object.values(step).reduce((a, b) => a + b, 0)));
