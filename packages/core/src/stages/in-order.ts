/** A piece of work with what it made. */
interface Made<T> {
  readonly result: T;
  /** Bytes of memory that the result holds until it is taken. */
  readonly bytes: number;
  /** Jobs that come next in the order; only this one could tell them. */
  readonly next?: readonly Job<T>[];
}
export type Job<T> = (signal: AbortSignal) => Promise<Made<T>>;

interface Place<T> {
  readonly job: Job<T>;
  made?: Promise<Made<T>>;
}

/**
 * Does up to `atOnce` jobs at a time and gives their results in the order of the jobs, whichever ends first. While finished results that wait
 * for their turn hold more than `bytes`, only the job whose turn it is gets started (even if it is one more), so that memory stays bounded and work never stands still.
 * `atOnce` may change meanwhile: it is read before a job is started. When a job fails, or whoever takes the results stops, the others are told by their signal, and awaited.
 */
export async function* inOrder<T>(
  jobs: Iterable<Job<T>>,
  limits: { readonly atOnce: number; readonly bytes: number; readonly signal: AbortSignal },
): AsyncGenerator<T> {
  const { bytes, signal } = limits;
  const coming = jobs[Symbol.iterator]();
  const line: Place<T>[] = [];
  const stop = new AbortController();
  const onAbort = () => stop.abort(signal.reason);
  let running = 0;
  let held = 0;

  function waiting(): Place<T> | undefined {
    const known = line.find(({ made }) => made === undefined);
    if (known) return known;
    const { value, done } = coming.next();
    if (done) return undefined;
    const place = { job: value };
    line.push(place);
    return place;
  }
  function advance(): void {
    const turn = () => line[0] !== undefined && line[0].made === undefined;
    while (!stop.signal.aborted && (turn() || (running < limits.atOnce && held < bytes))) {
      const place = waiting();
      if (!place) return;
      place.made = work(place);
      // Awaited when its turn comes; until then a failure is nobody's.
      place.made.catch(() => undefined);
    }
  }
  async function work(place: Place<T>): Promise<Made<T>> {
    running++;
    try {
      const made = await place.job(stop.signal);
      held += made.bytes;
      line.splice(line.indexOf(place) + 1, 0, ...(made.next ?? []).map((job) => ({ job })));
      return made;
    } finally {
      running--;
      queueMicrotask(advance);
    }
  }

  signal.addEventListener("abort", onAbort, { once: true });
  try {
    for (;;) {
      signal.throwIfAborted();
      advance();
      const first = line[0];
      if (!first) return;
      const made = await first.made!;
      line.shift();
      yield made.result;
      held -= made.bytes;
    }
  } finally {
    stop.abort(signal.aborted ? signal.reason : new Error("stopped"));
    signal.removeEventListener("abort", onAbort);
    await Promise.allSettled(line.map(({ made }) => made));
  }
}
