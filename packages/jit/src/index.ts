import "./trace/gradients.js";
import "./trace/lowering.js";

export * as tf from "@tensorflow/tfjs";
export { JitError } from "./errors.js";
export { gradOf, valueAndGrad } from "./grad.js";
export { DeviceTensor, type HostTensor } from "./host.js";
export type { Graph } from "./ir/graph.js";
export * as nn from "./nn/index.js";
export { type JitOptions, jit, type Program } from "./run/program.js";
export type { Tree } from "./tree.js";
