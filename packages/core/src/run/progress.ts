/** Seconds after which an observed speed counts 1/e. */
const memory = 20;

/**
 * Estimates the time left from a smoothed rate: units and seconds, both fading exponentially, so that the estimate follows a change of
 * speed but not every step. What was done before the first call (a resumed stage) does not count as speed.
 */
export class TimeLeft {
  #last: { readonly done: number; readonly time: number } | undefined;
  #units = 0;
  #seconds = 0;

  /** Seconds left when `done` of `total` units are finished at `time` (seconds, any origin); undefined until a speed is known. */
  update(done: number, total: number, time: number): number | undefined {
    const last = this.#last;
    // A stage that starts another count begins again.
    if (last === undefined || done < last.done) {
      this.#last = { done, time };
      this.#units = 0;
      this.#seconds = 0;
      return undefined;
    }
    const seconds = time - last.time;
    if (seconds > 0) {
      const kept = Math.exp(-seconds / memory);
      this.#units = this.#units * kept + (done - last.done);
      this.#seconds = this.#seconds * kept + seconds;
      this.#last = { done, time };
    }
    return this.#units > 0 ? ((total - done) * this.#seconds) / this.#units : undefined;
  }
}
