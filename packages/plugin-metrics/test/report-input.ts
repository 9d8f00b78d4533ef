import { join } from "node:path";
import type { Features, MetricResult, ReportInput } from "@cmmd/core";
import { noise } from "./impacts.js";

const clip = join(import.meta.dirname, "../src/report/fixtures/clip.mp4");

/** Log-mel-like frames with a decaying broadband burst at every event. */
export function burstFeatures(events: readonly number[], seed: number, blur = 0): Features {
  const [frames, bins] = [112, 80];
  const grain = noise(frames * bins, seed);
  const data = Float32Array.from({ length: frames * bins }, (_, i) => {
    const time = (Math.floor(i / bins) * 256) / 16000;
    const bin = i % bins;
    let level = -4.2 + 0.5 * grain[i]! - bin / 100;
    for (const event of events) {
      const since = time - event + blur;
      if (since >= 0) level = Math.max(level, 0.4 - since * (6 + bin / 6) - bin / 60 + 0.25 * grain[i]!);
    }
    return level;
  });
  return { frames, bins, data };
}

const result = (f1: number, control: number, distance: number): MetricResult["values"] => [
  { name: "event_f1@100ms", value: f1, better: "higher", control },
  { name: "event_abs_offset@100ms", value: 31.27, unit: "ms", better: "lower", control: 52.1 },
  { name: "event_reference_f1@100ms", value: 0.973, better: "higher" },
  { name: "frechet_log_mel_not_fad", value: distance, better: "lower", control: 3.1 },
];

function group(
  name: string,
  task: string,
  clips: number,
  values: MetricResult["values"],
): ReportInput["groups"][number] {
  const metrics: ReportInput["groups"][number]["metrics"] = [
    {
      use: "event-f1",
      result: {
        values: values.slice(0, 3),
        depends: { what: "F1 of onsets", detector: "spectral flux 1", clips, events: 29 },
      },
    },
    { use: "frechet-log-mel", result: { values: values.slice(3), depends: { what: "NOT FAD", clips } } },
  ];
  return {
    name,
    task,
    settings: 'ddim {"steps":50}, reconstruction {"weight":2}, griffin-lim, weights: ema',
    metrics: values.length > 0 ? metrics : [],
    items: Array.from({ length: clips }, (_, i) => {
      const events = [0.21 + 0.03 * i, 0.74, 1.28 + 0.02 * i];
      return {
        id: `bench-${String(i).padStart(4, "0")}-${i * 18}`,
        events,
        generated: { video: clip, features: burstFeatures(events, i + 50, 0.03) },
        reference: { video: clip, features: burstFeatures(events, i) },
        perItem: (values.length > 0 ? { "event_f1@100ms": 0.857 - 0.1 * i } : {}) as Record<string, number>,
      };
    }),
  };
}

const curve = (from: number, to: number, seed: number) =>
  Array.from(noise(600, seed), (grain, i) => ({
    step: i * 10,
    value: (to + (from - to) * Math.exp(-i / 80)) * (1 + 0.15 * grain),
  }));

/** A report's input with every kind of group, and names that would break a page that does not escape them. */
export function reportInput(clips = 2): ReportInput {
  return {
    pipeline: {
      name: "demo <b>&amp; friends</b>",
      path: "/demo.yaml",
      resolved: 'cmmd: 1\nname: demo\ndata:\n  use: synthetic # </code></pre><script>throw "escaped badly"</script>\n',
    },
    groups: [
      group("v2a", "v2a", clips, result(0.642, 0.213, 5.82)),
      group("untrained", "v2a", clips, result(0.187, 0.192, 48.93)),
      group("a2v", "a2v", 1, []),
      group("joint", "joint", 1, []),
    ],
    featureDefinition: { kind: "log10-mel", rate: 16000, bins: 80, window: 512, hop: 256 },
    curves: {
      loss: curve(1.05, 0.18, 1),
      "loss/diffusion": curve(1.0, 0.2, 2),
      "gradient norm": curve(40, 0.6, 3),
      rate: [{ step: 0, value: 1e-4 }],
    },
    facts: [
      { name: "train: parameters", value: "1 204 336" },
      { name: "encode: psnr db", value: "31.2" },
      { name: "versions", value: '{"cmmd":"0.1.0","node":"20.20.2"}' },
    ],
  };
}
