import * as tf from "@tensorflow/tfjs";
import { sizeOf } from "../ir/graph.js";
import { type Geometry, inputOfOutput } from "./geometry.js";

/** A dense tensor of tfjs's cpu backend. */
interface Eager {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}
type Kernel = (first: Eager, second: Eager, geometry: Geometry) => Eager;

/** Registers a kernel of two tensors for tfjs's eager cpu backend. */
export function registerEager(kernelName: string, names: readonly [string, string], kernel: Kernel): void {
  tf.registerKernel({
    kernelName,
    backendName: "cpu",
    kernelFunc: ({ inputs, attrs, backend }) => {
      const cpu = backend as tf.KernelBackend & {
        makeTensorInfo(shape: number[], dtype: string, values: Float32Array): tf.TensorInfo;
      };
      const read = (name: string) => ({
        shape: inputs[name]!.shape,
        data: cpu.readSync(inputs[name]!.dataId) as Float32Array,
      });
      const { shape, data } = kernel(read(names[0]), read(names[1]), attrs as unknown as Geometry);
      return cpu.makeTensorInfo([...shape], "float32", data);
    },
  });
}

/** Calls `visit` with flat indices of every product x[i] * filter[f] that is added to y[o]. */
function products(
  geometry: Geometry,
  batch: number,
  channels: number,
  out: number,
  visit: (i: number, f: number, o: number) => void,
): void {
  const { input, output, kernel, groups } = geometry;
  const indices = inputOfOutput(geometry);
  const taps = sizeOf(kernel);
  const perGroup = channels / groups;
  for (let n = 0; n < batch; n++) {
    for (let at = 0; at < indices.length; at++) {
      if (indices[at]! < 0) continue;
      const tap = at % taps;
      const xRow = (n * sizeOf(input) + indices[at]!) * channels;
      const yRow = (n * sizeOf(output) + (at - tap) / taps) * out;
      for (let o = 0; o < out; o++) {
        const first = Math.floor(o / (out / groups)) * perGroup;
        for (let c = 0; c < perGroup; c++) visit(xRow + first + c, (o * perGroup + c) * taps + tap, yRow + o);
      }
    }
  }
}

export const forwardEager: Kernel = (x, filter, geometry) => {
  const shape = [x.shape[0]!, ...geometry.output, filter.shape[0]!];
  const y = new Float32Array(sizeOf(shape));
  products(geometry, x.shape[0]!, x.shape.at(-1)!, filter.shape[0]!, (i, f, o) => {
    y[o]! += x.data[i]! * filter.data[f]!;
  });
  return { shape, data: y };
};

export const inputGradientEager: Kernel = (dy, filter, geometry) => {
  const channels = filter.shape[1]! * geometry.groups;
  const shape = [dy.shape[0]!, ...geometry.input, channels];
  const dx = new Float32Array(sizeOf(shape));
  products(geometry, dy.shape[0]!, channels, filter.shape[0]!, (i, f, o) => {
    dx[i]! += dy.data[o]! * filter.data[f]!;
  });
  return { shape, data: dx };
};

export const filterGradientEager: Kernel = (x, dy, geometry) => {
  const out = dy.shape.at(-1)!;
  const shape = [out, x.shape.at(-1)! / geometry.groups, ...geometry.kernel];
  const dfilter = new Float32Array(sizeOf(shape));
  products(geometry, x.shape[0]!, x.shape.at(-1)!, out, (i, f, o) => {
    dfilter[f]! += x.data[i]! * dy.data[o]!;
  });
  return { shape, data: dfilter };
};
