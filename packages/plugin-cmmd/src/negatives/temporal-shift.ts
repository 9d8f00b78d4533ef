import { defineNegative } from "@cmmd/core";
import { Type } from "@sinclair/typebox";

export const temporalShift = defineNegative({
  summary: "The same recording moved in time, either way, by a random number of video frames.",
  options: Type.Object({
    frames: Type.Tuple([Type.Integer({ minimum: 1 }), Type.Integer({ minimum: 1 })], {
      default: [2, 4],
      description:
        "Smallest and largest shift in video frames. The moved clip is taken from the recording around the clip; where that does not reach, the clip is rolled in a circle.",
    }),
  }),
  draw({ frames: [least, most] }, { clip, modality, random }) {
    const size = least + random.integer(most - least + 1);
    const shift = random.uniform() < 0.5 ? -size : size;
    const fits = (by: number) => (by < 0 ? -by <= clip.context.before : by <= clip.context.after);
    const taken = fits(shift) ? shift : -shift;
    if (fits(taken)) return modality === "video" ? clip.video(taken) : clip.audio(taken);
    const whole = modality === "video" ? clip.video(0) : clip.audio(0);
    const steps = modality === "video" ? clip.shape.video[0] : clip.shape.audio[0];
    return roll(whole, steps, Math.round((shift * steps) / clip.shape.video[0]));
  },
});

/** Row-major `data` of `rows` rows, moved in a circle so that row i becomes row i + by of the original. */
function roll(data: Float32Array, rows: number, by: number): Float32Array {
  const width = data.length / rows;
  const cut = (((by % rows) + rows) % rows) * width;
  const out = new Float32Array(data.length);
  out.set(data.subarray(cut));
  out.set(data.subarray(0, cut), data.length - cut);
  return out;
}
