import { type HostTensor, tf } from "@cmmd/jit";
import { type NamedTensor, type NamedTensors, sizeOf } from "../plugin/tensors.js";
import { fromStored, shown, storedRow, storedShape, toStored } from "./filters.js";
import type { TrainState } from "./optimizer.js";

/** A parameter's name, PyTorch's shape, number of elements and place among all of them. */
interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  readonly size: number;
  readonly offset: number;
}

/** A tensor of the training state: one large parameter, or small ones one after the other: as rows where all have as many columns. */
interface Bucket {
  readonly shape: readonly number[];
  readonly parameters: readonly Parameter[];
}

/** How parameters are kept while training: all in their stable order, and in buckets. */
export interface Layout {
  readonly size: number;
  readonly parameters: readonly Parameter[];
  readonly buckets: readonly Bucket[];
}

/** Fewer elements do not pay for inputs, results and some 16 operators of their own. */
const smallestAlone = 262_144;
/** Most elements of a bucket of small parameters: what the optimizer makes of one stays in the cache. */
const largestShared = 1_048_576;

const sizesOf = (parameters: readonly Parameter[]) => parameters.reduce((sum, { size }) => sum + size, 0);

/** Small parameters in groups, in their order. */
function shared(parameters: readonly Parameter[]): readonly (readonly Parameter[])[] {
  const groups: Parameter[][] = [];
  let room = 0;
  for (const parameter of parameters) {
    if (parameter.size > room) {
      groups.push([]);
      room = largestShared;
    }
    groups.at(-1)!.push(parameter);
    room -= parameter.size;
  }
  return groups;
}

/** The layout for parameters of such names and shapes. */
export function layoutOf(tensors: Readonly<Record<string, { readonly shape: readonly number[] }>>): Layout {
  let size = 0;
  const parameters = Object.entries(tensors).map(([name, { shape }]) => {
    const parameter = { name, shape, size: sizeOf(shape), offset: size };
    size += parameter.size;
    return parameter;
  });
  const alone = parameters.filter((parameter) => parameter.size >= smallestAlone);
  const small = parameters.filter((parameter) => parameter.size < smallestAlone);
  const columnsOf = ({ shape }: Parameter) => storedRow(shape);
  const withColumns = (columns: number) => small.filter((parameter) => columnsOf(parameter) === columns);
  const rows = [...new Set(small.map(columnsOf))].filter((columns) => sizesOf(withColumns(columns)) >= smallestAlone);
  const others = small.filter((parameter) => !rows.includes(columnsOf(parameter)));
  const buckets = [
    ...alone.map((parameter) => ({ shape: storedShape(parameter.shape), parameters: [parameter] })),
    ...rows.flatMap((columns) =>
      shared(withColumns(columns)).map((members) => ({
        shape: [sizesOf(members) / columns, columns],
        parameters: members,
      })),
    ),
    ...shared(others).map((members) => ({ shape: [sizesOf(members)], parameters: members })),
  ];
  return { size, parameters, buckets };
}

/** Parameters, or moments by parameter, on their way into the state. Throws when one is missing or has another size. */
export function pack(tensors: NamedTensors, { buckets }: Layout): HostTensor[] {
  return buckets.map(({ shape, parameters }) => {
    const data = new Float32Array(sizeOf(shape));
    let at = 0;
    for (const { name, shape: own, size } of parameters) {
      const tensor = tensors[name];
      if (tensor?.data.length !== size) throw new Error(`parameter ${name} is missing or has another size`);
      toStored(tensor.data as Float32Array, own, data.subarray(at, at + size));
      at += size;
    }
    return { shape, data };
  });
}

/**
 * All parameters in their stable order and PyTorch's shapes, one after the other; `read` gives the data of a bucket, and no more than two
 * buckets are held at once.
 */
export async function* unpack(
  { parameters, buckets }: Layout,
  read: (bucket: number) => Promise<Float32Array>,
): AsyncGenerator<{ readonly name: string; readonly tensor: NamedTensor }, void> {
  const places = new Map<string, { readonly bucket: number; readonly from: number }>();
  for (const [bucket, { parameters: members }] of buckets.entries()) {
    let from = 0;
    for (const { name, size } of members) {
      places.set(name, { bucket, from });
      from += size;
    }
  }
  let shared: { readonly bucket: number; readonly data: Float32Array } | undefined;
  for (const { name, shape, size } of parameters) {
    const { bucket, from } = places.get(name)!;
    const data = shared?.bucket === bucket ? shared.data : await read(bucket);
    if (buckets[bucket]!.parameters.length > 1) shared = { bucket, data };
    const tensor = { shape, data: new Float32Array(size) };
    fromStored(data.subarray(from, from + size), shape, tensor.data);
    yield { name, tensor };
  }
}

/** Views of the vector of all parameters. */
export function namesOf(all: Float32Array, { parameters }: Layout): NamedTensors {
  return Object.fromEntries(
    parameters.map(({ name, shape, size, offset }) => [name, { shape, data: all.subarray(offset, offset + size) }]),
  );
}

/** The state before the first step. Its tensors share memory where they are equal: programs only read what is on the host. */
export function startOf(parameters: readonly HostTensor[]): TrainState<HostTensor>[] {
  const zeros = new Float32Array(Math.max(...parameters.map(({ data }) => data.length)));
  return parameters.map((tensor) => {
    const zero = { shape: tensor.shape, data: zeros.subarray(0, tensor.data.length) };
    return { parameters: tensor, first: zero, second: zero, ema: tensor };
  });
}

/** Traced: the parameters by name, in PyTorch's shapes, from their buckets. */
export function parametersOf(tensors: readonly tf.Tensor[], { buckets }: Layout): Record<string, tf.Tensor> {
  return Object.fromEntries(
    buckets.flatMap(({ shape: whole, parameters }, i) => {
      const columns = whole.length === 1 ? 1 : whole.at(-1)!;
      const sizes = parameters.map(({ size }) => size / columns);
      const parts = sizes.length === 1 ? [tensors[i]!] : tf.split(tensors[i]!, sizes, 0);
      return parameters.map(({ name, shape }, j) => [name, shown(parts[j]!, shape)] as const);
    }),
  );
}
