import { matchEvents } from "./matching.js";

/** Counts of one or more clips, and offsets detected - event (s) of what matched. */
export interface Tally {
  readonly events: number;
  readonly onsets: number;
  readonly matched: number;
  readonly offset: number;
  readonly absoluteOffset: number;
}

export function tally(events: ArrayLike<number>, onsets: ArrayLike<number>, tolerance: number): Tally {
  const matches = matchEvents(events, onsets, tolerance);
  const offsets = matches.map(([event, onset]) => onsets[onset]! - events[event]!);
  return {
    events: events.length,
    onsets: onsets.length,
    matched: matches.length,
    offset: offsets.reduce((sum, offset) => sum + offset, 0),
    absoluteOffset: offsets.reduce((sum, offset) => sum + Math.abs(offset), 0),
  };
}

export function sum(tallies: readonly Tally[]): Tally {
  const total = { events: 0, onsets: 0, matched: 0, offset: 0, absoluteOffset: 0 };
  for (const one of tallies) for (const name of Object.keys(total) as (keyof Tally)[]) total[name] += one[name];
  return total;
}

/** Matched among the detected; 0 when nothing was detected. */
export const precision = ({ matched, onsets }: Tally) => (onsets === 0 ? 0 : matched / onsets);
/** Matched among the events; 0 when there is none. */
export const recall = ({ matched, events }: Tally) => (events === 0 ? 0 : matched / events);
/** 2 matched / (events + onsets); undefined when there is neither event nor onset. */
export const f1 = ({ matched, events, onsets }: Tally) =>
  events + onsets === 0 ? undefined : (2 * matched) / (events + onsets);
/** ms; undefined when nothing matched. */
export const meanAbsoluteOffset = ({ matched, absoluteOffset }: Tally) =>
  matched === 0 ? undefined : (1000 * absoluteOffset) / matched;
/** ms, positive when the sound comes late; undefined when nothing matched. */
export const meanOffset = ({ matched, offset }: Tally) => (matched === 0 ? undefined : (1000 * offset) / matched);
