/** How a training spends its time: what the curves cannot hold, because resumed training must write the same bytes. */
export class Meter {
  #began: number | undefined;
  #steps = 0;
  #waited = 0;
  #stepping = 0;

  /**
   * Counts a run of so many steps: milliseconds in which nothing was computed because their data were not there, and of the run altogether.
   * The first one, in which programs are compiled, says nothing of the speed.
   */
  run(steps: number, waited: number, whole: number): void {
    if (this.#began === undefined) {
      this.#began = performance.now();
      return;
    }
    this.#steps += steps;
    this.#waited += waited;
    this.#stepping += whole;
  }

  /** Figures so far, of `batch` clips a step: they are events of the run, never part of its result. After one run nothing is known of the speed. */
  figures(batch: number): Readonly<Record<string, number>> & { readonly peak_memory_mb: number } {
    const peak_memory_mb = process.resourceUsage().maxRSS / 1024;
    if (this.#began === undefined || this.#steps === 0) return { peak_memory_mb };
    const seconds = (performance.now() - this.#began) / 1000;
    return {
      clips_per_second: (this.#steps * batch) / seconds,
      data_wait_share: this.#waited / this.#stepping,
      peak_memory_mb,
    };
  }

  /** The figures in one line. */
  summary(batch: number): string {
    const { clips_per_second: speed, data_wait_share: share, peak_memory_mb: peak } = this.figures(batch);
    const parts = [
      ...(speed === undefined ? [] : [`${speed.toPrecision(3)} clips per second`]),
      ...(share === undefined ? [] : [`${(share * 100).toFixed(2)} % of the steps' time was spent waiting for data`]),
      `${Math.round(peak)} MB at most`,
    ];
    return parts.join("; ");
  }
}
