import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { JitError, jit, tf } from "../src/index.js";
import { noise } from "./compare.js";

const x = noise([2, 3]);
const here = "packages/jit/test/error-places.test.ts";

/** The error of tracing `f`, which must name a place in this file. */
function errorOf(f: (x: tf.Tensor) => unknown): JitError {
  try {
    jit(f as (x: tf.Tensor) => tf.Tensor).lower(x);
  } catch (error) {
    expect(error).toBeInstanceOf(JitError);
    expect((error as JitError).message).toMatch(new RegExp(`${here}:\\d+:\\d+`));
    expect((error as JitError).hint).toBeTruthy();
    return error as JitError;
  }
  throw new Error("nothing was thrown");
}

const variable = tf.variable(tf.scalar(1));
const captured = tf.tensor(new Float32Array(1200).map((_, i) => i));

const cases: Record<string, [string, RegExp, (x: tf.Tensor) => unknown]> = {
  "reading": ["JIT104", /\[2,3\] \(the result of Exp\) was read by Tensor\.dataSync/, (a) => tf.exp(a).dataSync()],
  "reading through a promise": ["JIT104", /\(an input\) was read by Tensor\.array/, async (a) => tf.scalar((await a.array()) as number)],
  "positions of what is true": ["JIT109", /tf\.whereAsync .*shape of its result depends on the values/, (a) => tf.whereAsync(a.greater(0))],
  "a boolean mask": ["JIT109", /tf\.booleanMaskAsync/, (a) => tf.booleanMaskAsync(a, tf.greater(a, 0))],
  "unique": ["JIT109", /operation Unique cannot be traced \(tf\.unique\)/, (a) => tf.unique(a.flatten()).values],
  "a captured array": ["JIT103", /constant of shape \[1200\] \(1200 elements\)/, (a) => a.sum().add(captured)],
  "random numbers": ["JIT103", /random numbers of shape \[2,3\]/, (a) => a.add(tf.randomNormal([2, 3]))],
  "a single random number": ["JIT103", /random numbers of shape \[\]/, (a) => a.add(tf.randomUniform([]))],
  "JavaScript's random numbers": ["JIT103", /^Math\.random\(\) was called/, (a) => a.add(Math.random())],
  "assigning a variable": ["JIT113", /tf\.Variable \S+ \[\] was assigned/, (a) => variable.assign(a.sum())],
  "shapes that do not fit": ["JIT203", /^Add at .*: shapes \[2,3\] and \[7\]/, (a) => a.add(tf.zeros([7]))],
  "a method": ["JIT109", /operation Unique cannot be traced \(Tensor\.unique\)/, (a) => a.flatten().unique().values],
  "a kernel without lowering": ["JIT106", /operation Multinomial cannot be traced \(tf\.multinomial\)/, (a) => tf.multinomial(a as tf.Tensor2D, 3)],
  "complex numbers": ["JIT106", /programs have no complex numbers/, (a) => tf.complex(a, a)],
  "mixed dtypes": ["JIT110", /mixed dtypes float32\[2,3\] and int32\[2,3\]/, (a) => tf.engine().runKernel("Add", { a, b: tf.cast(a, "int32") })],
}; // biome-ignore format: a table

describe("errors of a trace name the operation, the place and what to do", () => {
  it.each(Object.entries(cases))("%s", (_, [code, message, f]) => {
    const error = errorOf(f);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  it("the place is the user's, and through which installed package it came to the operation", async () => {
    const folder = join(await mkdtemp(join(tmpdir(), "error places ")), "node_modules", "reader");
    const file = join(folder, "index.mjs");
    await mkdir(folder, { recursive: true });
    await writeFile(file, "export const read = (tensor) =>\n  tensor.dataSync();\n");
    const { read } = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as { read(x: tf.Tensor): unknown };
    expect(errorOf((a) => read(a)).message).toMatch(/by Tensor.dataSync .* at \S+, through .*reader\Windex.mjs:2:10$/);
  });

  it("the place is the line of the call", () => {
    const line = (error: Error) => Number(new RegExp(`${here}:(\\d+)`).exec(error.message)![1]);
    const first = errorOf((a) => a.exp().dataSync());
    const second = errorOf((a) => a.exp().dataSync());
    expect(line(second) - line(first)).toBe(1);
  });
});
