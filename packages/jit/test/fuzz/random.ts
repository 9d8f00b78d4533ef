/** Random choices that depend on the seed alone (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Uniform in [0, 1). */
  unit(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  uniform(low: number, high: number): number {
    return low + (high - low) * this.unit();
  }

  /** An integer, both limits included. */
  int(low: number, high: number): number {
    return low + Math.floor(this.unit() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.int(0, choices.length - 1)]!;
  }

  list<T>(length: number, element: (index: number) => T): T[] {
    return Array.from({ length }, (_, i) => element(i));
  }

  shuffled<T>(values: readonly T[]): T[] {
    const keyed = values.map((value) => [this.unit(), value] as const);
    return keyed.sort(([a], [b]) => a - b).map(([, value]) => value);
  }

  /** A subset in the order of `values`, possibly empty. */
  subset<T>(values: readonly T[]): T[] {
    return values.filter(() => this.chance(0.5));
  }
}
