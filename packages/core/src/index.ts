export { matchTensors } from "./data/match-tensors.js";
export { type OpenSafetensors, openSafetensors, readSafetensors, writeSafetensors } from "./data/safetensors.js";
export { readShards, type ShardRow, type Shards, ShardWriter } from "./data/shards.js";
export {
  byStem,
  heldOut,
  listFiles,
  type MediaFile,
  mediaExtensions,
  recordingIds,
  requireFolder,
  splitOfPath,
} from "./datasets/files.js";
export { type ListedRecording, listedDataset } from "./datasets/listed.js";
export { readLines, readTable } from "./datasets/table.js";
export { diffuse, overBatch, parametrisations } from "./diffusion/parametrisation.js";
export { philox, type Random, stream } from "./diffusion/random.js";
export { cosineSchedule, linearSchedule, type Schedule, schedules } from "./diffusion/schedule.js";
export { CmmdError, CmmdErrors, type Place } from "./errors.js";
export { type Inspection, inspectPipeline } from "./inspect/inspect.js";
export { inspectVocoder, type VocoderInspection } from "./inspect/vocoder.js";
export { exportOnnx, exportSafetensors } from "./interchange/export.js";
export { importPytorch, importVocoder } from "./interchange/import.js";
export type { NegativeExample } from "./negatives/examples.js";
export { nearest } from "./pipeline/nearest.js";
export { type Parsed, type ParseOptions, parsePipeline } from "./pipeline/parse.js";
export { renderError } from "./pipeline/render-error.js";
export { type NestedUse, nestedUses } from "./pipeline/resolve.js";
export {
  type AnyPipeline,
  type Device,
  diffusionPipeline,
  type Generation,
  type ResolvedPipeline,
  type Task,
  trainsVocoder,
  type Used,
} from "./pipeline/resolved.js";
export { pipelineSchema } from "./pipeline/schema.js";
export { showPipeline } from "./pipeline/show.js";
export { type UseEntry, useOf } from "./pipeline/use.js";
export { showChange } from "./planner/changes.js";
export { installedBy } from "./planner/installed.js";
export { type PlannedStage, plan } from "./planner/plan.js";
export * from "./plugin/clips.js";
export * from "./plugin/components.js";
export type { Context } from "./plugin/context.js";
export { definitionDifference } from "./plugin/definition-difference.js";
export * from "./plugin/media.js";
export { type ComponentKinds, definePlugin, type Kind, kinds, type Plugin } from "./plugin/plugin.js";
export type { NamedTensor, NamedTensors, TensorData } from "./plugin/tensors.js";
export { type LoadedPlugin, loadRegistry, type Registered, type Registry } from "./registry/registry.js";
export { Interrupted } from "./run/abort.js";
export { deviceOf } from "./run/device.js";
export type { RunEvent } from "./run/events.js";
export { generateMedia } from "./run/generate.js";
export { renderNegatives } from "./run/negatives.js";
export { type RunResult, reasonOf, runPlan } from "./run/run.js";
export { type Shown, surveyData } from "./run/survey.js";
export { fourierBasis, magnitudes, type StftSizes } from "./signal/stft.js";
export { stages } from "./stages/index.js";
export type { Stage, StageInput, StageSummary } from "./stages/stage.js";
export { Store } from "./store/store.js";
export { findTrainedRun } from "./store/trained-run.js";
export { stack } from "./train/batches.js";
