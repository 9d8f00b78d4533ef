import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { expect, it } from "vitest";
import { inOrder, type Job } from "./in-order.js";

const { signal } = new AbortController();

it("gives results in order, with jobs that only other jobs know, never too many at once and never too much waiting", async () => {
  const steps = fc.record({ turns: fc.nat(3), bytes: fc.nat(10), more: fc.nat(3) });
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { maxLength: 12 }), fc.integer({ min: 1, max: 4 }), async (plan, atOnce) => {
      let [running, held, most] = [0, 0, 0];
      const job =
        (name: string, turns: number, bytes: number, more: number): Job<{ name: string; bytes: number }> =>
        async () => {
          most = Math.max(most, ++running);
          for (let i = 0; i < turns; i++) await sleep(0);
          running--;
          held += bytes;
          expect(held).toBeLessThan(20 + 10 * (atOnce + 1));
          const next = Array.from({ length: more }, (_, i) => job(`${name}.${i}`, turns, bytes, 0));
          return { result: { name, bytes }, bytes, next };
        };
      const got: string[] = [];
      const jobs = plan.map(({ turns, bytes, more }, i) => job(String(i), turns, bytes, more));
      for await (const { name, bytes } of inOrder(jobs, { atOnce, bytes: 20, signal })) {
        got.push(name);
        await sleep(0);
        held -= bytes;
      }
      expect(got).toEqual(
        plan.flatMap(({ more }, i) => [`${i}`, ...Array.from({ length: more }, (_, k) => `${i}.${k}`)]),
      );
      expect(most).toBeLessThanOrEqual(atOnce + 1);
    }),
    { numRuns: 25 },
  );
});

it("stops the others when one fails or when it is interrupted, and waits for their end", async () => {
  for (const how of ["fails", "interrupted"]) {
    let ended = 0;
    const abort = new AbortController();
    const patient: Job<number> = async (told) => {
      await sleep(60_000, undefined, { signal: told }).catch(() => undefined);
      ended++;
      return { result: 1, bytes: 1 };
    };
    const first: Job<number> = async (told) => {
      await sleep(1);
      if (how === "fails") throw new Error("no more");
      abort.abort(new Error("interrupted"));
      return patient(told);
    };
    const all = (async () => {
      for await (const _ of inOrder([first, patient, patient], { atOnce: 3, bytes: 10, signal: abort.signal }));
    })();
    await expect(all).rejects.toThrow(how === "fails" ? "no more" : "interrupted");
    expect(ended).toBe(how === "fails" ? 2 : 3);
  }
});
