import { stream, type Waveform } from "@cmmd/core";
import { objectSounds, offScreenSound, toolSounds } from "../sound/materials.js";
import { addImpact } from "../sound/modal.js";
import { inRoom } from "../sound/room.js";
import type { BenchPlan } from "./plan.js";

/** The sound of a bench recording: an impact at every contact, thuds from elsewhere, nothing at strokes that stop short. */
export function benchSound(plan: BenchPlan, seconds: number, rate: number, noiseDb: number): Waveform {
  const samples = new Float32Array(Math.round(seconds * rate));
  for (const [i, { time, strength, contact }] of plan.strokes.entries()) {
    if (!contact) continue;
    const random = stream(plan.seed, "synthetic impact", i);
    const blow = { strength: strength ** 2, pitch: plan.pitch, random };
    addImpact(samples, rate, time, objectSounds[plan.material], blow);
    addImpact(samples, rate, time, toolSounds[plan.tool], { ...blow, pitch: 1 });
  }
  for (const [i, { time, strength }] of plan.offScreen.entries()) {
    const random = stream(plan.seed, "synthetic thud", i);
    addImpact(samples, rate, time, offScreenSound, { strength: 0.9 * strength, pitch: 1, random });
  }
  return inRoom(samples, rate, noiseDb, stream(plan.seed, "synthetic room"));
}
