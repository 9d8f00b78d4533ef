import { dirname } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { stream } from "../diffusion/random.js";
import { trainsVocoder } from "../pipeline/resolved.js";
import { loadRegistry } from "../registry/registry.js";
import { flattenError } from "../run/messages.js";
import type { DrawingStart, FromDrawing } from "./draw-ahead.js";
import { openDrawing } from "./drawing.js";
import { openSoundDrawing } from "./sound-drawing.js";

const { builtins, pipeline, inputs } = workerData as DrawingStart;
const port = parentPort!;
const post = (message: FromDrawing) => port.postMessage(message);

const drawing = (async () => {
  const registry = await loadRegistry({ builtins, plugins: pipeline.plugins, base: dirname(pipeline.path) });
  return trainsVocoder(pipeline)
    ? openSoundDrawing({ pipeline, inputs })
    : openDrawing({
        pipeline,
        inputs,
        component: (kind, use) => registry.implementation(kind, use),
        context: { random: (purpose, ...counters) => stream(pipeline.seed, purpose, ...counters) },
      });
})();

drawing.then(
  ({ draw: _, ...facts }) => post({ facts }),
  (error) => post({ failed: flattenError(error) }),
);

port.on("message", async (step: number) => {
  const { draw } = await drawing;
  try {
    post({ step, batch: await draw(step) });
  } catch (error) {
    post({ step, failed: flattenError(error) });
  }
});
