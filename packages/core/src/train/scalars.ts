import type { DeviceTensor, HostTensor } from "@cmmd/jit";

export const scalar = (value: number): HostTensor => ({ shape: [], data: Float32Array.of(value) });

/** The value of a program's scalar, which is freed unless somebody goes on using it. */
export async function numberOf(tensor: DeviceTensor, free = true): Promise<number> {
  const value = (await tensor.read()).data[0]!;
  if (free) tensor.dispose();
  return value;
}

/** The values of a program's scalars by name; they are freed. */
export async function numbersOf(tensors: Readonly<Record<string, DeviceTensor>>): Promise<Record<string, number>> {
  const values: Record<string, number> = {};
  for (const [name, tensor] of Object.entries(tensors)) values[name] = await numberOf(tensor);
  return values;
}
