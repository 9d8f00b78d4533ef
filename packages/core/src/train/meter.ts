/** How a training spends its time: what the curves cannot hold, because resumed training must write the same bytes. */
export class Meter {
  #began: number | undefined;
  #steps = 0;
  #waited = 0;
  #stepping = 0;

  /**
   * Counts a step: milliseconds in which nothing was computed because its data were not there, and of the step altogether. The first one,
   * in which programs are compiled, says nothing of the speed.
   */
  step(waited: number, whole: number): void {
    if (this.#began === undefined) {
      this.#began = performance.now();
      return;
    }
    this.#steps++;
    this.#waited += waited;
    this.#stepping += whole;
  }

  /** Figures so far, of `batch` clips a step: they are events of the run, never part of its result. */
  figures(batch: number): Readonly<Record<"clips_per_second" | "data_wait_share" | "peak_memory_mb", number>> {
    const seconds = (performance.now() - (this.#began ?? 0)) / 1000;
    return {
      clips_per_second: (this.#steps * batch) / seconds,
      data_wait_share: this.#stepping > 0 ? this.#waited / this.#stepping : 0,
      peak_memory_mb: process.resourceUsage().maxRSS / 1024,
    };
  }
}
