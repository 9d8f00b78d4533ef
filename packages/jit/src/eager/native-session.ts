import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import type { InferenceSession, Tensor } from "onnxruntime-node";
import { JitError } from "../errors.js";
import type { Graph } from "../ir/graph.js";
import { nativeCallSync } from "../run/native-calls.js";
import { encodeOnnx } from "../run/onnx.js";

type Tensors = Record<string, Tensor>;

interface NativeSession {
  loadModel(buffer: ArrayBufferLike, offset: number, length: number, options: InferenceSession.SessionOptions): void;
  run(feeds: Tensors, fetches: Record<string, null>, options: InferenceSession.RunOptions): Tensors;
  dispose(): void;
}

interface Binding {
  readonly initOrt: () => void;
  readonly binding: { readonly InferenceSession: new () => NativeSession };
}

/** A program on the CPU that runs within the call: tfjs's `dataSync` cannot wait for a promise. */
export interface SyncProgram {
  /** Inputs named i0, i1, ...; outputs o0, o1, ... */
  run(feeds: Tensors): Tensors;
  dispose(): void;
}

let loaded: Binding | undefined;

/** onnxruntime-node's own binding: its public functions do the same synchronous calls, inside a promise. */
function native(): Binding {
  try {
    loaded ??= createRequire(import.meta.url)("onnxruntime-node/dist/binding.js") as Binding;
  } catch (cause) {
    throw new JitError("JIT303", "backend jit needs the native binding of onnxruntime-node, which was not found", {
      cause,
      hint: "Install the version of onnxruntime-node that @cmmd/jit asks for.",
    });
  }
  loaded.initOrt();
  return loaded;
}

/** Opens the graph on the CPU. Throws JIT303 when the runtime refuses it. */
export function openSync(graph: Graph): SyncProgram {
  const { binding } = native();
  const model = encodeOnnx(graph);
  const session = new binding.InferenceSession();
  try {
    nativeCallSync(() =>
      session.loadModel(model.buffer, model.byteOffset, model.byteLength, {
        executionProviders: ["cpu"],
        graphOptimizationLevel: "all",
        intraOpNumThreads: availableParallelism(),
        interOpNumThreads: 1,
        logSeverityLevel: 4,
        extra: { session: { intra_op: { spin_duration_us: "20" } } },
      }),
    );
  } catch (cause) {
    throw new JitError("JIT303", `backend jit cannot run ${opsOf(graph)}: ${(cause as Error).message}`, { cause });
  }
  const fetches = Object.fromEntries(graph.outputs.map((_, i) => [`o${i}`, null]));
  return {
    run: (feeds) => nativeCallSync(() => session.run(feeds, fetches, {})),
    dispose: () => session.dispose(),
  };
}

const opsOf = ({ nodes }: Graph) => [...new Set(nodes.map(({ op }) => op))].slice(0, 12).join(", ");
