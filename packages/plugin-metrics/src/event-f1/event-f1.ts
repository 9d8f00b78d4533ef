import type { MetricBody, MetricResult, MetricValue } from "@cmmd/core";
import { detectOnsets, onsetVersion } from "../onsets/onsets.js";
import { f1Interval } from "./interval.js";
import type { EventF1Options } from "./options.js";
import { f1, meanAbsoluteOffset, meanOffset, precision, recall, sum, type Tally, tally } from "./tally.js";

/** The figures of one tolerance, from pooled tallies. Offsets exist only where something matched. */
const figures: readonly {
  readonly name: string;
  readonly of: (pool: Tally) => number | undefined;
  readonly better?: "higher" | "lower";
  readonly unit?: string;
}[] = [
  { name: "event_f1", of: f1, better: "higher" },
  { name: "event_precision", of: precision, better: "higher" },
  { name: "event_recall", of: recall, better: "higher" },
  { name: "event_abs_offset", of: meanAbsoluteOffset, better: "lower", unit: "ms" },
  { name: "event_offset", of: meanOffset, unit: "ms" },
];

/** Seconds of onsets in both sounds of a clip, and of what the generated one is held against. */
interface DetectedClip {
  readonly id: string;
  readonly generated: readonly number[];
  readonly reference: readonly number[];
  readonly events: readonly number[];
}

const seconds = (tolerance_ms: EventF1Options["tolerance_ms"]) =>
  (typeof tolerance_ms === "number" ? [tolerance_ms] : tolerance_ms).map((milliseconds) => ({
    label: `${milliseconds}ms`,
    tolerance: milliseconds / 1000,
  }));

export const eventF1: MetricBody<EventF1Options> = {
  async compute(options, items, context) {
    const clips: DetectedClip[] = [];
    for (const { id, events, ...sides } of items) {
      context.signal.throwIfAborted();
      const sound = await sides.generated.waveform();
      const duration = sound.samples.length / sound.rate;
      const reference = detectOnsets(await sides.reference.waveform(), options);
      clips.push({
        id,
        generated: detectOnsets(sound, options),
        reference,
        events: (options.events === "dataset" ? [...events] : reference)
          .filter((time) => time >= 0 && time < duration)
          .sort((a, b) => a - b),
      });
    }
    const eventCount = clips.reduce((sum, { events }) => sum + events.length, 0);
    const depends: Record<string, MetricResult["depends"][string]> = {
      what: "F1 of onsets detected in the generated sound against the clip's event times, counts pooled over clips",
      detector: onsetVersion,
      threshold_db: options.threshold_db,
      range_db: options.range_db,
      gap_ms: options.gap_ms,
      matching: "maximum one-to-one, least summed offset",
      events_from: options.events,
      offset: "detected - event, mean over what matched; positive: the sound is late",
      reference_f1: "the same detector on the reference sound: what a perfect model could reach",
      control: "every generated clip against the events of every other clip",
      clips: clips.length,
      clips_without_events: clips.filter(({ events }) => events.length === 0).length,
      events: eventCount,
      generated_onsets: clips.reduce((sum, { generated }) => sum + generated.length, 0),
      reference_onsets: clips.reduce((sum, { reference }) => sum + reference.length, 0),
    };
    if (eventCount === 0) {
      if (clips.length > 0)
        context.warn(
          "event-f1: no clip has an event, so there is nothing to score. For data without event times set `events: reference`, which uses the onsets of the reference sound.",
        );
      return { values: [], depends };
    }

    const values: MetricValue[] = [];
    const perItem: Record<string, Record<string, number>> = {};
    for (const { label, tolerance } of seconds(options.tolerance_ms)) {
      const own = clips.map((clip) => tally(clip.events, clip.generated, tolerance));
      const pool = sum(own);
      const interval = f1Interval(own, context.random("event-f1 interval"));
      if (interval) depends[`f1_interval_95@${label}`] = interval.map((bound) => Number(bound.toFixed(4)));
      const shuffled =
        clips.length < 2
          ? undefined
          : sum(
              clips.flatMap((clip) =>
                clips.filter((other) => other !== clip).map((other) => tally(other.events, clip.generated, tolerance)),
              ),
            );
      const ceiling = sum(clips.map((clip) => tally(clip.events, clip.reference, tolerance)));
      for (const [i, { id }] of clips.entries()) {
        const score = f1(own[i]!);
        if (score !== undefined) perItem[id] = { ...perItem[id], [`event_f1@${label}`]: score };
      }
      for (const { name, of, better, unit } of figures) {
        const value = of(pool);
        if (value !== undefined)
          values.push({ name: `${name}@${label}`, value, unit, better, control: shuffled && of(shuffled) });
      }
      if (options.events === "dataset")
        values.push({ name: `event_reference_f1@${label}`, value: f1(ceiling) ?? 0, better: "higher" });
    }
    return { values, depends, perItem };
  },
};
