import { type AnyPipeline, type ResolvedPipeline, trainsVocoder, type VocoderPipeline } from "../pipeline/resolved.js";
import { copySounds } from "./copy-sounds.js";
import { encode } from "./encode.js";
import { evaluate } from "./evaluate.js";
import { evaluateCopies } from "./evaluate-copies.js";
import { generate } from "./generate.js";
import { prepare } from "./prepare.js";
import { prepareSound } from "./prepare-sound.js";
import { render } from "./render.js";
import { report } from "./report.js";
import { reportVocoder } from "./report-vocoder.js";
import type { Stage } from "./stage.js";
import { train } from "./train.js";
import { trainVocoder } from "./train-vocoder.js";

const ofDiffusion = (stage: Stage<ResolvedPipeline>): Stage<AnyPipeline> => ({
  ...stage,
  applies: (pipeline, described) => !trainsVocoder(pipeline) && stage.applies(pipeline, described),
});

const ofVocoder = (stage: Stage<VocoderPipeline>): Stage<AnyPipeline> => ({
  ...stage,
  applies: (pipeline, described) => trainsVocoder(pipeline) && stage.applies(pipeline, described),
});

/** The stages of pipelines, each after those that it reads. Those of one name are one stage, each for its kind of pipeline. */
export const stages: readonly Stage<AnyPipeline>[] = [
  render as Stage<AnyPipeline>,
  ...[prepare, encode, train, generate, evaluate, report].map(ofDiffusion),
  ...[prepareSound, trainVocoder, copySounds, evaluateCopies, reportVocoder].map(ofVocoder),
];
