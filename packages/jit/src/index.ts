import "./trace/gradients.js";
import "./trace/lowering.js";

export * as tf from "@tensorflow/tfjs";
export { JitError } from "./errors.js";
export { gradOf, valueAndGrad } from "./grad.js";
export { DeviceTensor, type HostTensor } from "./host.js";
export type { Graph } from "./ir/graph.js";
export { type TrainStep, trainStep } from "./layers.js";
export { keepFinite, type LossScale, type LossScaleOptions, nextLossScale, scaledValueAndGrad } from "./loss-scale.js";
export * as nn from "./nn/index.js";
export type { Device } from "./run/device.js";
export type { ProgramFacts } from "./run/facts.js";
export { type JitOptions, jit, type Program } from "./run/program.js";
export type { CacheOptions } from "./run/program-cache.js";
export type { OnnxModel, Port } from "./run/standard-model.js";
export type { Tree } from "./tree.js";
export { jitStateful, type StatefulOptions, type StatefulProgram } from "./variables.js";
