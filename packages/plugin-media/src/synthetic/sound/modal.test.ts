import { stream } from "@cmmd/core";
import { describe, expect, it } from "vitest";
import { drums } from "./drums.js";
import { objectSounds } from "./materials.js";
import { addImpact } from "./modal.js";
import { inRoom } from "./room.js";

const rate = 48000;
const silentBurst = { strength: 0, seconds: 0.001, cutoff: 1000 };
/** Draws that change nothing. */
const even = { uniform: () => 0.5, integer: () => 0, normal: (count: number) => new Float32Array(count) };

describe("impacts", () => {
  it("are damped sines that begin at the event, also between samples", () => {
    const samples = new Float32Array(rate / 2);
    const time = 0.1000073;
    const material = {
      base: 700,
      modes: [
        [1, 0.6, 0.05],
        [2.4, 0.3, 0.02],
      ] as const,
      burst: silentBurst,
    };
    addImpact(samples, rate, time, material, { strength: 1, pitch: 1, random: even });
    let worst = 0;
    for (let i = 0; i < rate / 4; i++) {
      const t = i / rate - time;
      const mode = (frequency: number, share: number, decay: number) =>
        t < 0 ? 0 : share * Math.sin(2 * Math.PI * frequency * t) * Math.exp(-t / decay);
      worst = Math.max(worst, Math.abs(samples[i]! - mode(700, 0.6, 0.05) - mode(1680, 0.3, 0.02)));
    }
    expect(worst).toBeLessThan(1e-3);
    expect(samples.slice(0, Math.ceil(time * rate)).every((value) => value === 0)).toBe(true);
  });

  it("sound like their materials: glass rings higher than metal, and metal longer than wood", () => {
    const impact = (name: "wood" | "metal" | "glass") => {
      const samples = new Float32Array(rate);
      addImpact(samples, rate, 0, objectSounds[name], { strength: 0.8, pitch: 1, random: stream(1, name) });
      let [energy, moment, changes] = [0, 0, 0];
      samples.forEach((value, i) => {
        energy += value ** 2;
        moment += (value ** 2 * i) / rate;
        changes += (value - (samples[i - 1] ?? 0)) ** 2;
      });
      return { seconds: moment / energy, brightness: changes / energy };
    };
    const [wood, metal, glass] = [impact("wood"), impact("metal"), impact("glass")];
    expect(metal.seconds).toBeGreaterThan(3 * wood.seconds);
    expect(glass.brightness).toBeGreaterThan(1.5 * metal.brightness);
  });
});

describe("drums", () => {
  it.each(["kick", "snare", "hat"] as const)("begin at their sample and die away: %s", (name) => {
    const samples = new Float32Array(rate);
    drums[name](samples, rate, 1000, 1, stream(1, "drum"));
    expect(samples.slice(0, 1000).every((value) => value === 0)).toBe(true);
    expect(samples.slice(1000, 1240).some((value) => Math.abs(value) > 0.05)).toBe(true);
    expect(samples.slice(rate * 0.9).every((value) => Math.abs(value) < 1e-3)).toBe(true);
  });
});

describe("the room", () => {
  it("answers a click with its reflections, at the peak level and above a quiet floor", () => {
    const dry = new Float32Array(rate);
    dry[4800] = 0.2;
    const { samples } = inRoom(dry, rate, -62, stream(1, "room"));
    expect(Math.max(...samples)).toBeCloseTo(0.82, 2);
    const after = (seconds: number) => samples[4800 + Math.round(seconds * rate)]! / samples[4800]!;
    expect([after(0.0073), after(0.0131), after(0.0227)].map((value) => Math.round(value * 100))).toEqual([16, 11, 8]);
    const floor = Math.sqrt(samples.slice(0, 4800).reduce((sum, value) => sum + value ** 2, 0) / 4800);
    expect(floor).toBeGreaterThan(2e-4);
    expect(floor).toBeLessThan(2e-3);
  });
});
