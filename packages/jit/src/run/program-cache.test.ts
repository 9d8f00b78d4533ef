import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { noise } from "../../test/compare.js";
import { type CacheOptions, type HostTensor, jit, nn, type tf, valueAndGrad } from "../index.js";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "jit-cache-"));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(directory, { recursive: true, force: true });
});

const entries = () => readdirSync(directory).filter((name) => name.endsWith(".program"));
const x = noise([2, 6, 8]);
const filter = noise([8, 8, 3], 2);

/** A training step of a small network; how often it was traced; its results. */
async function train(cache: CacheOptions | undefined, rate = 0.1) {
  let traced = 0;
  const step = jit(
    (state: { filter: tf.Tensor }, input: tf.Tensor) => {
      traced++;
      const f = (w: tf.Tensor) => ({ value: nn.silu(nn.conv(input, w)).square().mean() });
      const { value, grads } = valueAndGrad(f, state.filter);
      return { state: { filter: state.filter.sub(grads.mul(rate)) }, log: [value, input] };
    },
    { name: "train", donate: [0], ...(cache && { cache }) },
  );
  const { state, log } = await step({ filter }, x);
  const result = [await state.filter.read(), await log[0]!.read(), await log[1]!.read()];
  await step.dispose();
  return { traced, result };
}

describe("the disk cache", () => {
  it("opens a program without tracing it when its key is known, with the same bits", async () => {
    const plain = await train(undefined);
    const cache = { directory, key: "step 1" };
    const first = await train(cache);
    const second = await train(cache);
    expect([plain.traced, first.traced, second.traced]).toEqual([1, 1, 0]);
    expect(first.result).toEqual(plain.result);
    expect(second.result).toEqual(plain.result);
    expect((await train({ directory, key: "step 2" }, 0.2)).traced).toBe(1);
    expect(entries().length).toBe(2);
  });

  it("without a key the graph is the key", async () => {
    expect((await train({ directory })).result).toEqual((await train({ directory })).result);
    expect(entries().length).toBe(1);
    await train({ directory }, 0.2);
    expect(entries().length).toBe(2);
  });

  it("makes damaged and foreign entries again, with a warning", async () => {
    const warning = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const cache = { directory, key: "step" };
    const { result } = await train(cache);
    const path = join(directory, entries()[0]!);
    const whole = readFileSync(path);
    const flipped = Buffer.from(whole);
    flipped[whole.length - 40]! ^= 1;
    const damages = { empty: Buffer.alloc(0), cut: whole.subarray(0, -1), text: Buffer.from("hello"), flipped };
    for (const damaged of Object.values(damages)) {
      writeFileSync(path, damaged);
      const again = await train(cache);
      expect(again.traced).toBe(1);
      expect(again.result).toEqual(result);
    }
    await train({ directory, key: "other" }, 0.2);
    writeFileSync(path, readFileSync(join(directory, entries().find((name) => !path.endsWith(name))!)));
    expect((await train(cache)).result).toEqual(result);
    expect(warning.mock.calls.map(([text]) => String(text).match(/: (it[^:]*)$/)?.[1])).toEqual([
      "it is no program of this version",
      "its check sum differs",
      "it is no program of this version",
      "its check sum differs",
      "it belongs to another program",
    ]);
    expect(readdirSync(directory).length).toBe(2);
  });

  it("runs without a folder that can be written", async () => {
    const warning = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const file = join(directory, "file");
    writeFileSync(file, "");
    expect((await train({ directory: file, key: "step" })).traced).toBe(1);
    expect(String(warning.mock.calls[0]?.[0])).toMatch(/no program can be kept in .*file/);
  });

  it("removes what was used least recently", async () => {
    for (const key of ["a", "b", "c"]) {
      await train({ directory, key });
      for (const name of entries())
        utimesSync(
          join(directory, name),
          new Date(statSync(join(directory, name)).mtimeMs - 1e6),
          new Date(statSync(join(directory, name)).mtimeMs - 1e6),
        );
    }
    expect((await train({ directory, key: "a" })).traced).toBe(0);
    const size = statSync(join(directory, entries()[0]!)).size;
    await train({ directory, key: "d", limit: 3.5 * size });
    expect(entries().length).toBe(3);
    const kept = [];
    for (const key of ["a", "c", "d"]) kept.push((await train({ directory, key })).traced);
    expect(kept).toEqual([0, 0, 0]);
  });

  it("holds no frozen weights: the same entry serves others", async () => {
    const infer = async (weights: HostTensor) => {
      let traced = 0;
      const program = jit(
        (w: tf.Tensor, input: tf.Tensor) => {
          traced++;
          return nn.conv(input, w).add(w.square().sum());
        },
        { freeze: [0], cache: { directory, key: "infer" }, name: "infer" },
      );
      const { data } = await (await program(weights, x)).read();
      return { traced, data };
    };
    const open = jit((w: tf.Tensor, input: tf.Tensor) => nn.conv(input, w).add(w.square().sum()));
    for (const [i, weights] of [filter, noise([8, 8, 3], 5)].entries()) {
      const got = await infer(weights);
      expect(got.traced).toBe(i === 0 ? 1 : 0);
      const want = (await (await open(weights, x)).read()).data;
      got.data.forEach((value, j) => {
        expect(Math.abs(value - want[j]!)).toBeLessThan(1e-5);
      });
    }
    const [entry] = entries();
    expect(statSync(join(directory, entry!)).size).toBeLessThan(4000);
  });
});
