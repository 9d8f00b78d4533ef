import * as tf from "@tensorflow/tfjs";
import { type DType, sizeOf, type TensorData, type Value } from "../ir/graph.js";
import { drawn } from "../trace/draws.js";
import { PendingGraph } from "./pending.js";

/** Memory of a program that never reads: so many recorded nodes are computed unasked. */
const mostPending = 50_000;

export const jitBackendName = "jit";

interface Entry {
  readonly shape: readonly number[];
  readonly dtype: tf.DataType;
  references: number;
  /** What was written; strings and complex numbers (as pairs) are only ever this. */
  readonly values?: tf.BackendValues;
  /** The same tensor in the graph. */
  value?: Value;
}

/**
 * The tfjs backend "jit": `tf.setBackend("jit")`. Kernels are recorded and computed when a value is read (`data`, `dataSync`, ...): then
 * all tensors that are alive are optimised, compiled and run as one program of ONNX Runtime on the CPU. Programs are kept by graph, so a
 * loop that does the same in every round and reads once in it opens one program. Kernels that a static graph cannot express run on
 * tfjs's cpu backend at once. Evaluation blocks the thread, also in `data()`.
 */
export class JitBackend extends tf.KernelBackend {
  readonly graph = new PendingGraph();
  readonly #entries = new tf.DataStorage<Entry>(this, tf.engine());
  readonly #pending = new Set<Entry>();
  #complex = 0;

  /** The graph value of a tensor, which must be of a dtype that programs have. */
  value({ dataId, shape }: tf.TensorInfo): Value {
    const entry = this.#entries.get(dataId);
    // A copy: the operation is computed later, and its user may write to the array before.
    entry.value ??= this.graph.input(entry.shape, entry.dtype as DType, toTyped(entry.values, entry).slice());
    return this.graph.reshape(entry.value, shape);
  }

  /** A tensor for a graph value. */
  info(value: Value): tf.TensorInfo {
    const { shape } = value;
    const dtype = value.dtype as DType;
    const known = value.size === 0 ? this.graph.input(shape, dtype, toTyped(undefined, { shape, dtype })) : value;
    const entry: Entry = { shape, dtype, references: 1, value: known };
    if (this.graph.known(known) === undefined) {
      this.#pending.add(entry);
      if (this.graph.recorded > mostPending) this.#evaluate();
    }
    return { dataId: this.#add({}, entry), shape: [...shape], dtype };
  }

  /** Another shape of the same data. */
  alias({ dataId, dtype }: tf.TensorInfo, shape: readonly number[]): tf.TensorInfo {
    this.incRef(dataId);
    return { dataId, shape: [...shape], dtype };
  }

  override write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): tf.DataId {
    const numbers = drawn(shape) as Float32Array | undefined;
    return this.#add({}, { shape: [...shape], dtype, references: 1, values: numbers ?? values });
  }

  override move(
    dataId: tf.DataId,
    values: tf.BackendValues,
    shape: number[],
    dtype: tf.DataType,
    references: number,
  ): void {
    this.#add(dataId, { shape: [...shape], dtype, references, values });
  }

  override readSync(dataId: tf.DataId): tf.BackendValues {
    const entry = this.#entries.get(dataId);
    if (entry.value === undefined) return entry.values!;
    if (this.graph.known(entry.value) === undefined) this.#evaluate(entry);
    return this.graph.known(entry.value)!;
  }

  override async read(dataId: tf.DataId): Promise<tf.BackendValues> {
    return this.readSync(dataId);
  }

  /**
   * Computes everything that a living tensor waits for: what a step of training leaves behind belongs to one program. When that fails, the
   * tensor that is read is computed alone: the failure may be another's.
   */
  #evaluate(asked?: Entry): void {
    try {
      this.graph.evaluate([...new Set([...this.#pending].map(({ value }) => value!))]);
      this.#pending.clear();
    } catch (error) {
      if (asked === undefined || this.#pending.size < 2) throw error;
      this.graph.evaluate([asked.value!]);
      this.#pending.delete(asked);
    }
  }

  #add(dataId: tf.DataId, entry: Entry): tf.DataId {
    if (entry.dtype === "complex64") this.#complex++;
    this.#entries.set(dataId, entry);
    return dataId;
  }

  override disposeData(dataId: tf.DataId, force = false): boolean {
    if (!this.#entries.has(dataId)) return true;
    const entry = this.#entries.get(dataId);
    entry.references--;
    if (!force && entry.references > 0) return false;
    if (entry.dtype === "complex64") this.#complex--;
    this.#pending.delete(entry);
    this.#entries.delete(dataId);
    return true;
  }

  /** tfjs counts a complex tensor as three: itself and its two parts. */
  override numDataIds(): number {
    return this.#entries.numDataIds() + 2 * this.#complex;
  }
  override refCount(dataId: tf.DataId): number {
    return this.#entries.has(dataId) ? this.#entries.get(dataId).references : 0;
  }
  override incRef(dataId: tf.DataId): void {
    this.#entries.get(dataId).references++;
  }
  override memory() {
    return { unreliable: true, reasons: ["Computed tensors are freed by the garbage collector."] };
  }
  override floatPrecision(): 16 | 32 {
    return 32;
  }
  override timerAvailable(): boolean {
    return true;
  }
  override async time(f: () => void) {
    const start = performance.now();
    f();
    if (this.#pending.size > 0) this.#evaluate();
    return { kernelMs: performance.now() - start };
  }
  override dispose(): void {
    this.graph.dispose();
  }
}

const arrays = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const;

function toTyped(values: tf.BackendValues | undefined, of: Pick<Entry, "shape" | "dtype">): TensorData {
  const array = arrays[of.dtype as DType];
  if (values === undefined || values === null) return new array(sizeOf(of.shape));
  return values instanceof array ? values : array.from(values as ArrayLike<number>);
}

tf.registerBackend(jitBackendName, () => new JitBackend(), 0);
