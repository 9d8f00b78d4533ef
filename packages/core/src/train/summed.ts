import type { DeviceTensor, HostTensor } from "@cmmd/jit";
import { sizeOf } from "../plugin/tensors.js";
import type { Layout } from "./buckets.js";
import { numbersOf } from "./scalars.js";

/** Gradients by bucket, added up over parts of a batch. */
export type Sums = readonly (HostTensor | DeviceTensor)[];

interface Added {
  readonly sums: readonly DeviceTensor[];
  readonly log: Readonly<Record<string, DeviceTensor>>;
}

/** What the parts of a batch give, one after the other: `add` adds a part's gradients to the sums; its scalars are added up here. */
export async function summed<P>(
  { buckets }: Layout,
  parts: readonly P[],
  add: (sums: Sums, part: P) => Promise<Added>,
): Promise<{ readonly sums: Sums; readonly log: Readonly<Record<string, number>> }> {
  let sums: Sums = buckets.map(({ shape }) => ({ shape, data: new Float32Array(sizeOf(shape)) }));
  const log: Record<string, number> = {};
  for (const part of parts) {
    const added = await add(sums, part);
    sums = added.sums;
    for (const [name, value] of Object.entries(await numbersOf(added.log))) log[name] = (log[name] ?? 0) + value;
  }
  return { sums, log };
}
