import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { noise } from "../../test/impacts.js";
import { frechetDistance, type Observations } from "./frechet.js";
import { symmetricEigenvalues } from "./symmetric-eigenvalues.js";

const fixture = JSON.parse(readFileSync(join(import.meta.dirname, "fixtures/frechet.json"), "utf8")) as {
  distances: { n: number; m: number; d: number; nuclear: number; sqrtm?: number }[];
  eigenvalues: { size: number; values: number[] }[];
};

function observations(count: number, dimensions: number, value: (row: number, column: number) => number): Observations {
  const data = Float64Array.from({ length: count * dimensions }, (_, i) =>
    value(Math.floor(i / dimensions), i % dimensions),
  );
  return { count, dimensions, data };
}

/** The inputs of bench/reference/metrics.py. */
function inputs(n: number, m: number, d: number) {
  const a = noise(n * d, 11);
  const b = noise(m * d, 12);
  const scale = (j: number) => 0.1 + j / d;
  return {
    x: observations(n, d, (i, j) => a[i * d + j]! * scale(j)),
    y: observations(m, d, (i, j) => b[i * d + j]! * scale(d - 1 - j) + 0.25),
  };
}

const relative = (value: number, expected: number) => Math.abs(value - expected) / Math.abs(expected);

describe("frechetDistance", () => {
  it.each(fixture.distances)("equals NumPy's nuclear norm and SciPy's sqrtm: $n and $m rows of $d", (expected) => {
    const { x, y } = inputs(expected.n, expected.m, expected.d);
    expect(relative(frechetDistance(x, y), expected.nuclear)).toBeLessThan(1e-10);
    if (expected.sqrtm !== undefined) expect(relative(frechetDistance(x, y), expected.sqrtm)).toBeLessThan(1e-10);
  });

  it("equals the golden values, covariance divisor n - 1", (test) => {
    const root = process.env.CMMD_TEST_DATA ?? resolve(import.meta.dirname, "../../../../../shared/data");
    const path = join(root, "golden/metrics.json");
    if (!existsSync(path)) test.skip(`${path} is absent (set CMMD_TEST_DATA)`);
    const text = readFileSync(path, "utf8").replaceAll(/\bNaN\b/g, "null");
    const golden = JSON.parse(text).frechet as { X: number[][]; Y: number[][] } & Record<
      "unbiased_sqrtm" | "unbiased_eig" | "gram_n_x_n" | "nuclear_norm" | "biased(cd-fvd)",
      number
    >;
    const rows = (matrix: number[][]) => observations(matrix.length, matrix[0]!.length, (i, j) => matrix[i]![j]!);
    const distance = frechetDistance(rows(golden.X), rows(golden.Y));
    expect(relative(distance, golden.unbiased_sqrtm)).toBeLessThan(1e-11);
    expect(relative(distance, golden.unbiased_eig)).toBeLessThan(1e-11);
    expect(relative(distance, golden.nuclear_norm)).toBeLessThan(1e-11);
    expect(relative(distance, golden.gram_n_x_n)).toBeLessThan(1e-8);
    expect(relative(distance, golden["biased(cd-fvd)"])).toBeGreaterThan(0.01);
  });

  it("is zero for equal sets, in both forms", () => {
    for (const [n, d] of [
      [50, 8],
      [5, 8],
    ] as const) {
      const { x } = inputs(n, n, d);
      expect(Math.abs(frechetDistance(x, x))).toBeLessThan(1e-12);
    }
  });

  it("ignores a dimension without variance, and one that repeats another's direction", () => {
    const { x, y } = inputs(60, 50, 6);
    const widen = (o: Observations) => observations(o.count, 7, (i, j) => (j < 6 ? o.data[i * 6 + j]! : -11.5));
    expect(frechetDistance(widen(x), widen(y))).toBeCloseTo(frechetDistance(x, y), 12);
    const rotate = (o: Observations) =>
      observations(o.count, 7, (i, j) => (j < 5 ? o.data[i * 6 + j]! : o.data[i * 6 + 5]! / Math.SQRT2));
    expect(frechetDistance(rotate(x), rotate(y))).toBeCloseTo(frechetDistance(x, y), 7);
  });

  it("refuses one observation, unequal dimensions and values that are not finite", () => {
    const { x } = inputs(5, 5, 3);
    expect(() => frechetDistance({ ...x, count: 1 }, x)).toThrow("at least 2 observations");
    expect(() => frechetDistance(x, { ...x, count: 3, dimensions: 5 })).toThrow("dimensions");
    expect(() =>
      frechetDistance(
        x,
        observations(5, 3, (i) => (i === 2 ? Number.NaN : i)),
      ),
    ).toThrow("not finite");
  });
});

describe("symmetricEigenvalues", () => {
  it.each(fixture.eigenvalues)("equals LAPACK's, size $size", ({ size, values }) => {
    const a = noise(size * size, 5);
    const matrix = Float64Array.from(a, (value, i) => value + a[(i % size) * size + Math.floor(i / size)]!);
    const own = [...symmetricEigenvalues(matrix, size)].sort((p, q) => p - q);
    for (const [i, value] of own.entries()) expect(value).toBeCloseTo(values[i]!, 12);
  });

  it("handles matrices that are already diagonal, zero or of rank one", () => {
    expect([...symmetricEigenvalues(Float64Array.of(3, 0, 0, 0, 1, 0, 0, 0, 2), 3)].sort()).toEqual([1, 2, 3]);
    expect([...symmetricEigenvalues(new Float64Array(16), 4)]).toEqual([0, 0, 0, 0]);
    const ones = symmetricEigenvalues(new Float64Array(25).fill(1), 5).sort();
    expect(ones[4]).toBeCloseTo(5, 12);
    expect(Math.abs(ones[3]!)).toBeLessThan(1e-12);
  });
});
