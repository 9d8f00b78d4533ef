import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { noise } from "../../test/compare.js";
import { jit, tf } from "../index.js";
import { separateOnce } from "./once.js";

const weights = { matrix: noise([512, 640]), bias: noise([640], 2) };
const x = noise([4, 512], 3);

const layer = ({ matrix, bias }: { matrix: tf.Tensor; bias: tf.Tensor }, input: tf.Tensor) => {
  // The runtime would fold the transposition and the square.
  const prepared = matrix.transpose().square().transpose() as tf.Tensor2D;
  return tf.matMul(input as tf.Tensor2D, prepared).add(bias);
};

it("what frozen weights alone decide is a program of its own", () => {
  const parts = separateOnce(jit(layer, { name: "layer", freeze: [0] }).lower(weights, x))!;
  expect(parts.given).toEqual([0]);
  expect(String(parts.once).split("\n")[0]).toBe("program layer, once(%0: float32[512,640])");
  expect(parts.once.nodes.map(({ op }) => op)).toContain("Mul");
  expect(parts.each.nodes.map(({ op }) => op)).toEqual(["Gemm"]);
  expect(parts.each.inputs.filter(({ frozen }) => frozen).map(({ shape }) => shape)).toEqual([
    [512, 640],
    [640],
    [512, 640],
  ]);
  expect(separateOnce(jit(layer).lower(weights, x))).toBeUndefined();
});

it("weights that are only shown in another shape are not computed, results are computed before they are reshaped", async () => {
  const blocks = { first: noise([64, 4, 512]), second: noise([512, 64, 4], 2) };
  const sum = ({ first, second }: Record<"first" | "second", tf.Tensor>, input: tf.Tensor) => {
    const turned = second.transpose([2, 1, 0]).reshape([256, 512]);
    return tf.matMul(input as tf.Tensor2D, tf.add(first.reshape([256, 512]).add(input.slice([0, 0], [1, 1])), turned));
  };
  const given = noise([4, 256], 3);
  const program = jit(sum, { name: "sum", freeze: [0] });
  const parts = separateOnce(program.lower(blocks, given))!;
  expect(parts.sources).toEqual([
    { result: 0, from: 0, size: 131072 },
    { input: 0, from: 0, size: 131072 },
  ]);
  expect(parts.given).toEqual([1]);
  expect(parts.once.nodes.at(-1)!.op).toBe("Transpose");
  const [got, expected] = [program, jit(sum)].map(async (run) => (await (await run(blocks, given)).read()).data);
  expect(await got).toEqual(await expected);
});

it("weights that are cut into parts that lie one after the other are not copied", async () => {
  const products = ({ matrices }: { matrices: tf.Tensor }, input: tf.Tensor) => {
    const parts = tf.split(matrices.square().reshape([1024, 512]), [512, 256, 256]);
    return tf.concat(
      parts.map((part) => tf.matMul(input as tf.Tensor2D, part as tf.Tensor2D, false, true)),
      1,
    );
  };
  const [blocks, given] = [{ matrices: noise([4, 256, 512]) }, noise([4, 512], 3)];
  const program = jit(products, { name: "products", freeze: [0] });
  const parts = separateOnce(program.lower(blocks, given))!;
  expect(parts.once.nodes.map(({ op }) => op)).toEqual(["Mul"]);
  expect(parts.sources.map(({ from, size }) => [from, size])).toEqual([
    [0, 262144],
    [262144, 131072],
    [393216, 131072],
  ]);
  const read = async (run: typeof program) => Array.from((await (await run(blocks, given)).read()).data);
  const [got, expected] = [await read(program), await read(jit(products))];
  expect(Math.max(...got.map((value, i) => Math.abs(value - expected[i]!)))).toBeLessThan(1e-4);
});

it("the results are those of the whole, also from the disk cache, whose entries hold no weights", async () => {
  const run = async (options: Parameters<typeof jit>[1], given: typeof weights) => {
    const program = jit(layer, { name: "layer", ...options });
    const { data } = await (await program(given, x)).read();
    await program.dispose();
    return data;
  };
  const directory = mkdtempSync(join(tmpdir(), "jit-once-"));
  try {
    const cached = { freeze: [0], cache: { directory, key: "layer" } };
    const other = { ...weights, matrix: noise([512, 640], 4) };
    for (const given of [weights, weights, other]) {
      const expected = await run({}, given);
      const got = await run(cached, given);
      const difference = Float32Array.from(got).reduce(
        (most, value, i) => Math.max(most, Math.abs(value - expected[i]!)),
        0,
      );
      expect(difference).toBeLessThan(1e-4);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});
