import { CmmdError } from "../errors.js";
import type { Generation } from "../pipeline/resolved.js";
import type { PairShape } from "../plugin/clips.js";
import type { Pair } from "../plugin/components.js";

/** Of each modality, which steps of a clip are known: all, those with a 1, or, where it is absent, none. */
export type KnownSteps = Partial<Pair<"all" | Float32Array>>;

/** 1 for every step of `count` that lies wholly before step `from` or begins at step `to` or later. */
const outside = (count: number, from: number, to: number) =>
  Float32Array.from({ length: count }, (_, step) => (step + 1 <= from + 1e-6 || step >= to - 1e-6 ? 1 : 0));

/** What the task of a generation takes as known of clips of these sizes; `rates` are steps per second. Throws CMMD533. */
export function knownSteps(generation: Generation, shape: PairShape, rates: Pair<number>): KnownSteps {
  const { task, name, known = 0, span = [0, 0], fill = "both" } = generation;
  const frames = shape.video[0];
  const seconds = frames / rates.video;
  const wrong = (message: string, hint: string) =>
    new CmmdError("CMMD533", `the generation "${name}" ${message}`, { hint, exitCode: 2 });
  const between = (from: number, to: number): Required<KnownSteps> => ({
    video: outside(frames, from * rates.video, to * rates.video),
    audio: outside(shape.audio[0], from * rates.audio, to * rates.audio),
  });
  switch (task) {
    case "v2a":
      return { video: "all" };
    case "a2v":
      return { audio: "all" };
    case "joint":
      return {};
    case "extend":
      if (known >= frames)
        throw wrong(
          `knows all ${frames} frames of its clips: there is nothing to extend`,
          `Lower "known", or raise "frames".`,
        );
      return between(known / rates.video, Number.POSITIVE_INFINITY);
    case "inpaint": {
      if (span[0] >= seconds)
        throw wrong(
          `is to fill second ${span[0]} to ${span[1]} of clips that last ${seconds.toFixed(2)} s`,
          `Move "span", or raise "frames".`,
        );
      const around = between(span[0], span[1]);
      return { ...around, ...(fill === "audio" && { video: "all" }), ...(fill === "video" && { audio: "all" }) };
    }
  }
}
