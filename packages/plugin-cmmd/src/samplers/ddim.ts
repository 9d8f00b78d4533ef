import type { Arrays, Pair, SamplerBody, Schedule } from "@cmmd/core";
import type { Static } from "@sinclair/typebox";
import type { ddimOptions } from "./options.js";

/** Descending diffusion steps from `last` to 0 at equal distances: 1000, 995, ..., 5, 0 for 200 of 1000. */
export function times(last: number, steps: number): number[] {
  return Array.from({ length: steps + 1 }, (_, k) => Math.round((last * (steps - k)) / steps));
}

/** One DDIM step (Song et al. 2021, eq. 12) from n to m < n; eta 0 is deterministic, 1 is ancestral. */
export function ddimStep(
  { x0, eps }: { readonly x0: Float32Array; readonly eps: Float32Array },
  schedule: Schedule,
  n: number,
  m: number,
  eta: number,
  noise: Float32Array | undefined,
): Float32Array {
  const from = schedule.alphaBar(n);
  const to = schedule.alphaBar(m);
  const sigma = eta * Math.sqrt(((1 - to) / (1 - from)) * (1 - from / to));
  const signal = Math.sqrt(to);
  const direction = Math.sqrt(Math.max(1 - to - sigma * sigma, 0));
  return x0.map((value, i) => signal * value + direction * eps[i]! + (noise ? sigma * noise[i]! : 0));
}

export const body: SamplerBody<Static<typeof ddimOptions>> = {
  evaluations: ({ steps }) => steps,
  async sample({ steps, eta }, predict, start, { schedule, noise, evaluated, signal }) {
    const n = times(schedule.steps, steps);
    let x: Arrays = start;
    for (let k = 0; k < steps; k++) {
      signal.throwIfAborted();
      const { x0, eps } = await predict(x, n[k]!);
      const fresh: Pair<Float32Array> | undefined = eta > 0 ? noise(k) : undefined;
      const next = (modality: "video" | "audio") =>
        ddimStep({ x0: x0[modality], eps: eps[modality] }, schedule, n[k]!, n[k + 1]!, eta, fresh?.[modality]);
      x = { video: next("video"), audio: next("audio") };
      evaluated(k + 1);
    }
    return x;
  },
};
