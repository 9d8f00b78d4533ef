/**
 * The instant that frame `frame` shows: its own time, or that of the contact within half a frame of it, so that every contact is
 * seen, in the frame nearest to it, as a camera with an open shutter would see it.
 */
export function shownTime(frame: number, rate: number, contacts: readonly number[]): number {
  const own = frame / rate;
  return contacts.find((contact) => Math.round(contact * rate) === frame) ?? own;
}
