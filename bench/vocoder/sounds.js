/** Sounds to train and to judge a vocoder with, each made from random numbers alone: [samples] mono at `rate` Hz, some seconds long. */
import { addImpact } from "../../packages/plugin-media/dist/synthetic/sound/modal.js";

export const rate = 16_000;
const tau = 2 * Math.PI;
const samplesOf = (seconds) => new Float32Array(Math.round(seconds * rate));
/** Even on a logarithmic scale. */
const between = (random, low, high) => low * (high / low) ** random.uniform();
const pick = (random, list) => list[random.integer(list.length)];

/** A second-order filter from Robert Bristow-Johnson's cookbook, over the whole of `samples`. */
function filter(samples, type, frequency, q) {
  const w = (tau * Math.min(frequency, 0.45 * rate)) / rate;
  const [cos, alpha] = [Math.cos(w), Math.sin(w) / (2 * q)];
  const [b0, b1, b2] = {
    lowpass: [(1 - cos) / 2, 1 - cos, (1 - cos) / 2],
    highpass: [(1 + cos) / 2, -1 - cos, (1 + cos) / 2],
    bandpass: [alpha, 0, -alpha],
  }[type].map((b) => b / (1 + alpha));
  const [a1, a2] = [(-2 * cos) / (1 + alpha), (1 - alpha) / (1 + alpha)];
  let [x1, x2, y1, y2] = [0, 0, 0, 0];
  return samples.map((x) => {
    const y = b0 * x + b1 * x1 + b2 * x2 - a1 * y1 - a2 * y2;
    [x2, x1, y2, y1] = [x1, x, y1, y];
    return y;
  });
}

/** A note: partials that fall off and die away, the high ones sooner, with vibrato. Adds to `samples`. */
function addNote(samples, { first, seconds, pitch, strength, tilt, attack, decay, stretch, vibrato }, random) {
  const end = Math.min(samples.length, first + Math.round(seconds * rate));
  for (let partial = 1; partial <= 24; partial++) {
    const frequency = pitch * partial * Math.sqrt(1 + stretch * partial ** 2);
    if (frequency > 7600) break;
    const level = strength * partial ** -tilt * (0.5 + random.uniform());
    let phase = tau * random.uniform();
    for (let i = first; i < end; i++) {
      const t = (i - first) / rate;
      phase += (tau * frequency * (1 + vibrato * Math.sin(tau * 5.3 * t))) / rate;
      const release = Math.min(1, (end - i) / (0.02 * rate));
      const envelope = Math.min(1, t / attack) * Math.exp((-t / decay) * Math.sqrt(partial)) * release;
      samples[i] += level * envelope * Math.sin(phase);
    }
  }
}

const scales = [[0, 4, 7], [0, 3, 7], [0, 4, 7, 10], [0, 5, 7], [0, 12], [0]];

/** Chords and single notes one after another: plucked, bowed or blown. */
function music(seconds, random) {
  const samples = samplesOf(seconds);
  const instrument = {
    tilt: 0.6 + 1.6 * random.uniform(),
    attack: between(random, 0.003, 0.12),
    decay: between(random, 0.15, 3),
    stretch: pick(random, [0, 0, 0.0004]),
    vibrato: pick(random, [0, 0, 0.004]),
  };
  const root = between(random, 60, 400);
  for (let time = 0.05; time < seconds - 0.2; ) {
    const length = between(random, 0.15, 1.2);
    const base = root * 2 ** (random.integer(13) / 12);
    for (const step of pick(random, scales)) {
      const place = { first: Math.round(time * rate), seconds: length, pitch: base * 2 ** (step / 12) };
      addNote(samples, { ...instrument, ...place, strength: 0.3 + 0.4 * random.uniform() }, random);
    }
    time += length * pick(random, [1, 1, 0.6, 1.5]);
  }
  return samples;
}

/** Filtered noise whose level wanders: wind, water, breath. */
function hiss(seconds, random) {
  let samples = random.normal(Math.round(seconds * rate));
  for (let i = 1 + random.integer(2); i > 0; i--) {
    const type = pick(random, ["lowpass", "highpass", "bandpass"]);
    samples = filter(samples, type, between(random, 150, 6000), between(random, 0.5, 6));
  }
  const [speed, depth] = [between(random, 0.2, 12), random.uniform()];
  const phase = tau * random.uniform();
  return samples.map((x, i) => x * (1 - depth * (0.5 + 0.5 * Math.sin((tau * speed * i) / rate + phase))));
}

/** Drops and bubbles: short sines that rise, on a bed of noise. */
function water(seconds, random) {
  const samples = hiss(seconds, random).map((x) => 0.1 * x);
  for (let count = Math.round(seconds * between(random, 3, 60)); count > 0; count--) {
    const first = random.integer(samples.length);
    const [pitch, decay, rise] = [between(random, 300, 3500), between(random, 0.004, 0.04), 4 * random.uniform()];
    const strength = random.uniform() ** 2;
    let phase = 0;
    for (let i = first; i < Math.min(samples.length, first + 7 * decay * rate); i++) {
      const t = (i - first) / rate;
      phase += (tau * pitch * (1 + rise * t)) / rate;
      samples[i] += strength * Math.sin(phase) * Math.exp(-t / decay);
    }
  }
  return samples;
}

/** Things that fall and are struck: modes at random, from thuds to bells, and bursts of noise, in silence. */
function impacts(seconds, random) {
  const samples = samplesOf(seconds);
  const [base, longest] = [between(random, 70, 2000), between(random, 0.03, 0.8)];
  const modes = Array.from({ length: 2 + random.integer(8) }, (_, i) => [
    i === 0 ? 1 : 1 + 9 * random.uniform(),
    0.2 + 0.8 * random.uniform(),
    longest * random.uniform() ** 2 + 0.005,
  ]);
  const burst = {
    strength: 1.5 * random.uniform(),
    seconds: between(random, 0.002, 0.06),
    cutoff: between(random, 300, 7500),
  };
  for (let time = 0.1 + 0.3 * random.uniform(); time < seconds; time += between(random, 0.08, 1.2)) {
    const blow = { strength: 0.3 + 0.7 * random.uniform(), pitch: 2 ** (0.2 * random.uniform()), random };
    addImpact(samples, rate, time, { base, modes, burst }, blow);
  }
  return samples;
}

/** A tone that glides, pure or with partials. */
function glide(seconds, random) {
  const samples = samplesOf(seconds);
  const [from, to] = [between(random, 60, 3000), between(random, 60, 3000)];
  const tilt = 0.7 + 2 * random.uniform();
  for (let partial = 1; partial <= pick(random, [1, 8, 20]); partial++) {
    let phase = tau * random.uniform();
    for (let i = 0; i < samples.length; i++) {
      const frequency = partial * from * (to / from) ** (i / samples.length);
      phase += (tau * frequency) / rate;
      if (frequency < 7600) samples[i] += partial ** -tilt * Math.sin(phase);
    }
  }
  return samples;
}

export const sounds = { music, hiss, water, impacts, glide };

/** `samples` with their peak at `peak`; silence stays. */
export function atPeak(samples, peak) {
  const loudest = samples.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  return loudest > 0 ? samples.map((x) => (x * peak) / loudest) : samples;
}
