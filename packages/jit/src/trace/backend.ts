import * as tf from "@tensorflow/tfjs";
import { JitError } from "../errors.js";
import { Builder } from "../ir/builder.js";
import { type DType, Graph, sameShape, sizeOf, type TensorData, Value } from "../ir/graph.js";
import { atPlace, callSite } from "./call-site.js";
import { drawn } from "./draws.js";
import { whilePure } from "./purity.js";

export const traceBackendName = "jit-trace";

/** More elements than this are data, not a constant of the formula. */
const largestConstant = 1000;

/** A tensor's place in the graph of its trace. */
interface Traced {
  readonly value: Value;
  readonly builder: Builder | undefined;
}

/** A tfjs backend that records what kernels would compute. A tensor's data is a `Value` of the graph being built. */
class TraceBackend extends tf.KernelBackend {
  #builder: Builder | undefined;
  #values = new WeakMap<object, Traced>();
  #captured = new WeakMap<object, Value>();
  /** Why the trace cannot be right although nothing was thrown: a promise of a traced tensor's elements was made. */
  awaited: JitError | undefined;

  /** Starts a new graph and returns what was being recorded before. */
  begin(builder: Builder | undefined): Builder | undefined {
    const previous = this.#builder;
    this.#builder = builder;
    this.awaited = undefined;
    if (builder !== undefined) this.#captured = new WeakMap();
    return previous;
  }

  get builder(): Builder {
    if (this.#builder === undefined) throw leaked();
    return this.#builder;
  }

  /** Whether a function is being traced. */
  get tracing(): boolean {
    return this.#builder !== undefined;
  }

  /** Whether the data are a value of the graph being built. */
  isTraced(dataId: tf.DataId): boolean {
    const traced = this.#values.get(dataId);
    return traced !== undefined && traced.builder === this.#builder;
  }

  /** The graph value behind a tensor; a tensor from outside the trace becomes a constant. */
  value({ dataId, shape, dtype }: tf.TensorInfo): Value {
    const traced = this.#values.get(dataId);
    if (traced !== undefined && traced.builder !== this.#builder) throw leaked();
    const own = traced?.value ?? this.#captured.get(dataId);
    if (own !== undefined) {
      // Outside a trace, tensors of other shapes and types may share their data.
      const reshaped = sameShape(own.shape, shape) ? own : own.data && new Value(shape, own.dtype, own.data);
      return this.builder.cast(reshaped ?? this.builder.reshape(own, shape), dtype as DType);
    }
    if (!tf.engine().state.tensorInfo.has(dataId)) {
      throw new JitError("JIT302", `a disposed tensor of shape [${shape}] was used in a traced function${atPlace()}`, {
        hint: "Dispose of it after the program is traced, or pass it as an argument.",
      });
    }
    const values = tf.engine().readSync(dataId);
    const constant = this.#constant(values, shape, dtype);
    this.#captured.set(dataId, constant);
    return constant;
  }

  /** A tensor handle for a graph value. */
  info(value: Value): tf.TensorInfo {
    const dataId = {};
    this.#values.set(dataId, { value, builder: this.#builder });
    return { dataId, shape: [...value.shape], dtype: value.dtype as DType };
  }

  #constant(values: unknown, shape: readonly number[], dtype: string): Value {
    if (dtype !== "float32" && dtype !== "int32" && dtype !== "bool") {
      throw new JitError("JIT102", `a tensor of dtype ${dtype} cannot be traced${atPlace()}`, {
        hint: "Use float32, int32 or bool.",
      });
    }
    const data = toTyped[dtype](values as ArrayLike<number>);
    if (data.length !== sizeOf(shape)) {
      throw new JitError("JIT301", `a tensor of shape [${shape}] was made of ${data.length} numbers${atPlace()}`, {
        hint: "tf.tensor takes numbers: tf.stack puts tensors together.",
      });
    }
    const first = data[0] ?? 0;
    if (data.length > 1 && data.every((value) => Object.is(value, first)))
      return this.builder.full(first, shape, dtype);
    if (data.length > largestConstant) {
      throw new JitError(
        "JIT103",
        `a constant of shape [${shape}] (${data.length} elements) was created or captured inside a traced function${atPlace()}`,
        { hint: "Random numbers and data must be inputs of the program: pass them as an argument." },
      );
    }
    return new Value(shape, dtype, data);
  }

  override write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): tf.DataId {
    const numbers = drawn(shape);
    if (numbers instanceof tf.Tensor) return this.info(this.value(numbers)).dataId;
    if (numbers === undefined && values.length > 0 && isDrawing()) {
      throw new JitError(
        "JIT103",
        `random numbers of shape [${shape}] were drawn inside a traced function${atPlace()}: every run would have the same`,
        { hint: "Draw them outside and pass them as an argument." },
      );
    }
    return this.info(this.#constant(numbers ?? values, shape, dtype)).dataId;
  }

  override readSync(dataId: tf.DataId): never {
    throw this.#unreadable(dataId);
  }

  /** Never settles: the error is the trace's, whatever becomes of the promise. */
  override read(dataId: tf.DataId): Promise<tf.BackendValues> {
    this.awaited ??= this.#unreadable(dataId);
    return new Promise(() => {});
  }

  #unreadable(dataId: tf.DataId): JitError {
    const traced = this.#values.get(dataId);
    if (this.#builder === undefined || traced?.builder !== this.#builder) return leaked();
    const { value } = traced;
    const node = this.#builder.producer(value);
    const what = node ? `the result of ${node.op}` : value.data ? "a constant" : "an input";
    const site = callSite();
    const message = `a traced tensor [${value.shape}] (${what}) was read${site.called ? ` by ${site.called}` : ""}`;
    if (site.called !== undefined && shapeOfValues.test(site.called)) {
      return new JitError("JIT109", `${message}${atPlace(site)}: the shape of its result depends on the values`, {
        hint: shapeHint,
      });
    }
    return new JitError("JIT104", `${message} inside a traced function${atPlace(site)}`, {
      hint: "Its value exists only when the program runs: return it and read the result, or use tf.where instead of if.",
    });
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

const leaked = () =>
  new JitError("JIT101", `a traced tensor was used after its program was traced${atPlace()}`, {
    hint: "Return it from the function given to jit, and use the program's result.",
  });

/** The scopes of tfjs's functions that draw random numbers. */
const randomNumbers = /^(?:random[A-Z]\w*|truncatedNormal|rand)__op$/;
const isDrawing = () => tf.engine().state.scopeStack.some(({ name }) => randomNumbers.test(name));

/** tfjs's functions that read their arguments to know how large their result is. */
const shapeOfValues = /whereAsync|booleanMaskAsync|setdiff1dAsync|unique|nonMaxSuppression/i;
/** What to do about a result whose size the program cannot know. */
export const shapeHint =
  "Programs have fixed shapes. Keep the size and mark what counts (tf.where with a mask), or compute it outside jit.";

const toTyped: Record<DType, (values: ArrayLike<number>) => TensorData> = {
  float32: (values) => Float32Array.from(values),
  int32: (values) => Int32Array.from(values),
  bool: (values) => Uint8Array.from(values, Number),
};

// Keeps tfjs from advertising another package on the first eager operation.
tf.env().set("PROD", true);

export const traceBackend = new TraceBackend();
tf.registerBackend(traceBackendName, () => traceBackend, 0);

/** What a function's inputs look like. A frozen one becomes a constant when the program is opened. */
export interface InputSpec {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly frozen?: boolean;
}

/** What `fn` computes, and how many multiply-adds that takes by the definitions of its products and convolutions. */
export interface Recorded {
  readonly graph: Graph;
  readonly multiplyAdds: number;
}

/** Runs `fn` on placeholders and returns the graph of all that its results depend on. */
export function trace(
  name: string,
  specs: readonly InputSpec[],
  fn: (inputs: readonly tf.Tensor[]) => readonly tf.Tensor[],
): Recorded {
  const engine = tf.engine();
  // Reading the getter initialises the default backend, so that there is one to return to.
  const before = engine.backend && engine.backendName;
  const builder = new Builder();
  const outer = traceBackend.begin(builder);
  engine.setBackend(traceBackendName);
  try {
    const inputs = specs.map(({ shape, dtype, frozen }) => new Value(shape, dtype, undefined, frozen));
    const outputs: Value[] = [];
    engine.tidy(() => {
      const tensors = inputs.map((value) => engine.makeTensorFromTensorInfo(traceBackend.info(value)));
      const values = () => results(fn, tensors).map((tensor) => traceBackend.value(tensor));
      for (const value of whilePure((dataId) => traceBackend.isTraced(dataId), values)) outputs.push(value);
    });
    return { graph: new Graph(name, inputs, builder.nodes, outputs), multiplyAdds: builder.multiplyAdds };
  } finally {
    traceBackend.begin(outer);
    engine.setBackend(before);
  }
}

/** What `fn` returns; when it asked for a promise of elements on the way, that is the error, not what came of it. */
function results(
  fn: (inputs: readonly tf.Tensor[]) => readonly tf.Tensor[],
  inputs: readonly tf.Tensor[],
): readonly tf.Tensor[] {
  try {
    const tensors = fn(inputs);
    if (traceBackend.awaited === undefined) return tensors;
  } catch (error) {
    if (traceBackend.awaited === undefined) throw error;
  }
  throw traceBackend.awaited;
}
