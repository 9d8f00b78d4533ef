import * as tf from "@tensorflow/tfjs";
import { JitError } from "../errors.js";
import { Builder } from "../ir/builder.js";
import { type DType, Graph, sizeOf, type TensorData, Value } from "../ir/graph.js";

export const traceBackendName = "jit-trace";

/** More elements than this are data, not a constant of the formula. */
const largestConstant = 1000;

/** A tfjs backend that records what kernels would compute. A tensor's data is a `Value` of the graph being built. */
class TraceBackend extends tf.KernelBackend {
  #builder: Builder | undefined;
  #values = new WeakMap<object, Value>();
  #captured = new WeakMap<object, Value>();

  /** Starts a new graph and returns what was being recorded before. */
  begin(builder: Builder | undefined): Builder | undefined {
    const previous = this.#builder;
    this.#builder = builder;
    if (builder !== undefined) this.#captured = new WeakMap();
    return previous;
  }

  get builder(): Builder {
    if (this.#builder === undefined) {
      throw new JitError("JIT101", "a traced tensor was used after its program was traced", {
        hint: "Return it from the function given to jit, and use the program's result.",
      });
    }
    return this.#builder;
  }

  /** The graph value behind a tensor; a tensor from outside the trace becomes a constant. */
  value({ dataId, shape, dtype }: tf.TensorInfo): Value {
    const own = this.#values.get(dataId) ?? this.#captured.get(dataId);
    if (own !== undefined) {
      return own.data === undefined || own.shape.length === shape.length ? own : new Value(shape, own.dtype, own.data);
    }
    const values = tf.engine().readSync(dataId);
    const constant = this.#constant(values, shape, dtype);
    this.#captured.set(dataId, constant);
    return constant;
  }

  /** A tensor handle for a graph value. */
  info(value: Value): tf.TensorInfo {
    const dataId = {};
    this.#values.set(dataId, value);
    return { dataId, shape: [...value.shape], dtype: value.dtype as DType };
  }

  #constant(values: unknown, shape: readonly number[], dtype: string): Value {
    if (dtype !== "float32" && dtype !== "int32" && dtype !== "bool") {
      throw new JitError("JIT102", `a tensor of dtype ${dtype} cannot be traced`, {
        hint: "Use float32, int32 or bool.",
      });
    }
    const data = toTyped[dtype](values as ArrayLike<number>);
    const first = data[0] ?? 0;
    if (data.length > 1 && data.every((value) => value === first)) return this.builder.full(first, shape, dtype);
    if (data.length > largestConstant) {
      throw new JitError(
        "JIT103",
        `a constant of shape [${shape}] (${data.length} elements) was created or captured inside a traced function`,
        { hint: "Random numbers and data must be inputs of the program: pass them as an argument." },
      );
    }
    return new Value(shape, dtype, data);
  }

  override write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): tf.DataId {
    return this.info(this.#constant(values, shape, dtype)).dataId;
  }

  override readSync(dataId: tf.DataId): never {
    const value = this.#values.get(dataId);
    const node = value && this.#builder?.producer(value);
    const what = node ? `the result of ${node.op}` : value?.data ? "a constant" : "an input";
    throw new JitError(
      "JIT104",
      `a traced tensor [${value?.shape ?? ""}] (${what}) was read inside a traced function`,
      {
        hint: "Its value exists only when the program runs: return it and read the result, or use tf.where instead of if.",
      },
    );
  }

  override read(dataId: tf.DataId): Promise<tf.BackendValues> {
    return this.readSync(dataId);
  }

  override numDataIds(): number {
    return 0;
  }
  override disposeData(): boolean {
    return true;
  }
  override refCount(): number {
    return 1;
  }
  override incRef(): void {}
  override memory() {
    return { unreliable: true };
  }
  override floatPrecision(): 16 | 32 {
    return 32;
  }
  override timerAvailable(): boolean {
    return false;
  }
}

const toTyped: Record<DType, (values: ArrayLike<number>) => TensorData> = {
  float32: (values) => Float32Array.from(values),
  int32: (values) => Int32Array.from(values),
  bool: (values) => Uint8Array.from(values, Number),
};

// Keeps tfjs from advertising another package on the first eager operation.
tf.env().set("PROD", true);

export const traceBackend = new TraceBackend();
tf.registerBackend(traceBackendName, () => traceBackend, 0);

/** What a function's inputs look like. `data` makes it a constant of the graph. */
export interface InputSpec {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly data?: TensorData;
}

/** Runs `fn` on placeholders and returns the graph of all that its results depend on. */
export function trace(
  name: string,
  specs: readonly InputSpec[],
  fn: (inputs: readonly tf.Tensor[]) => readonly tf.Tensor[],
): Graph {
  const engine = tf.engine();
  // Reading the getter initialises the default backend, so that there is one to return to.
  const before = engine.backend && engine.backendName;
  const builder = new Builder();
  const outer = traceBackend.begin(builder);
  engine.setBackend(traceBackendName);
  try {
    const inputs = specs.map(({ shape, dtype, data }) => new Value(shape, dtype, data));
    const outputs: Value[] = [];
    engine.tidy(() => {
      const tensors = inputs.map((value) => engine.makeTensorFromTensorInfo(traceBackend.info(value)));
      for (const tensor of fn(tensors)) {
        if (sizeOf(tensor.shape) === 0) throw new JitError("JIT105", `a result has the empty shape [${tensor.shape}]`);
        outputs.push(traceBackend.value(tensor));
      }
    });
    return new Graph(
      name,
      inputs.filter(({ data }) => data === undefined),
      builder.nodes,
      outputs,
    );
  } finally {
    traceBackend.begin(outer);
    engine.setBackend(before);
  }
}
