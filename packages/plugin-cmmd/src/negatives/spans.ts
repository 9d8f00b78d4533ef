import type { ClipPlace, Span } from "@cmmd/core";

/** The two sides of step `at` of a clip of `length` steps, the later one first. */
export function exchange<C extends ClipPlace>(clip: C, at: number, length: number): Span<C>[] {
  return [
    { clip, shift: 0, from: at, to: length },
    { clip, shift: 0, from: 0, to: at },
  ];
}
