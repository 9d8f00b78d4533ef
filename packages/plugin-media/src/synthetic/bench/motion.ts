import { smooth } from "../drawing/noise.js";
import type { Stroke } from "./plan.js";

/** Height of the tool between strokes; 0 is contact, 1 the height of a full stroke. */
const rest = 0.4;
/** Where a stroke that stops short ends. */
const shortStop = 0.3;

/**
 * Height of the tool at `time`: raised from rest, falling with constant acceleration, at 0 exactly at the time of a contact, thrown
 * back, and slowly swaying at rest. A stroke without contact brakes and turns at `shortStop`.
 */
export function toolHeight(strokes: readonly Stroke[], time: number): number {
  const at = strokes.findIndex((stroke) => stroke.time > time);
  const next = at < 0 ? undefined : strokes[at];
  const previous = strokes[(at < 0 ? strokes.length : at) - 1];
  const height = next ? approach(next, previous, time) : rebound(previous, time);
  return height * (1 + 0.03 * Math.sin(2.2 * time));
}

function rebound(previous: Stroke | undefined, time: number): number {
  if (!previous) return rest;
  const since = time - previous.time;
  const from = previous.contact ? 0 : shortStop;
  return from + (rest - from) * (1 - Math.exp(-since / 0.06) * Math.cos(9 * since));
}

function approach(next: Stroke, previous: Stroke | undefined, time: number): number {
  const gap = next.time - (previous?.time ?? Number.NEGATIVE_INFINITY);
  const fall = Math.min(0.16, 0.34 * gap);
  const raise = Math.min(0.34, 0.42 * gap);
  const top = 0.6 + 0.5 * next.strength;
  const falling = (time - (next.time - fall)) / fall;
  if (falling >= 0) return next.contact ? top * (1 - falling * falling) : top + (shortStop - top) * smooth(falling);
  const before = rebound(previous, time);
  return before + (top - before) * smooth((time - (next.time - fall - raise)) / raise);
}

/** How far the struck object is from rest at `time`: a decaying oscillation from 0 at the contact, about 0.8 at its first peak. */
export function wobble(strokes: readonly Stroke[], time: number): number {
  return recentContacts(strokes, time, 0.6).reduce(
    (sum, { strength, since }) => sum + strength * Math.exp(-since / 0.1) * Math.sin(2 * Math.PI * 7 * since),
    0,
  );
}

/** The contacts of the last `window` seconds. `index` counts strokes. */
export function recentContacts(strokes: readonly Stroke[], time: number, window: number) {
  return strokes.flatMap(({ time: contactTime, strength, contact }, index) => {
    const since = time - contactTime;
    return contact && since >= 0 && since < window ? [{ index, strength, since }] : [];
  });
}
