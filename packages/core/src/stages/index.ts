import { encode } from "./encode.js";
import { evaluate } from "./evaluate.js";
import { generate } from "./generate.js";
import { prepare } from "./prepare.js";
import { render } from "./render.js";
import { report } from "./report.js";
import type { Stage } from "./stage.js";
import { train } from "./train.js";

/** The stages of a pipeline, each after those that it reads. */
export const stages: readonly Stage[] = [render, prepare, encode, train, generate, evaluate, report];
