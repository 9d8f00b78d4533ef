import { stream, type Waveform } from "@cmmd/core";
import { drums } from "../sound/drums.js";
import { inRoom } from "../sound/room.js";
import type { DancerPlan } from "./plan.js";

/** A drum loop: kick and snare in turn on the heard beats, a soft hi-hat on and between them, a snare on the extra strokes. */
export function dancerSound(plan: DancerPlan, seconds: number, rate: number, noiseDb: number): Waveform {
  const samples = new Float32Array(Math.round(seconds * rate));
  const random = stream(plan.seed, "synthetic drums");
  const sampleAt = (time: number) => Math.round(time * rate);
  for (const [i, { time, heard }] of plan.beats.entries()) {
    if (!heard) continue;
    drums[i % 2 === 0 ? "kick" : "snare"](samples, rate, sampleAt(time), 0.92 + 0.08 * random.uniform(), random);
    drums.hat(samples, rate, sampleAt(time), 0.35, random);
    drums.hat(samples, rate, sampleAt(time + 30 / plan.tempo), 0.12, random);
  }
  for (const time of plan.extra) drums.snare(samples, rate, sampleAt(time), 0.8, random);
  return inRoom(samples, rate, noiseDb, stream(plan.seed, "synthetic room"));
}
