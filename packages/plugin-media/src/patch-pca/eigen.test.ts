import { describe, expect, it } from "vitest";
import { symmetricEigen } from "./eigen.js";
import numpy from "./fixtures/eigen.json" with { type: "json" };

describe("symmetricEigen", () => {
  it("agrees with numpy.linalg.eigh up to the sign of the vectors", () => {
    const { values, vectors } = symmetricEigen(Float64Array.from(numpy.matrix), 12);
    values.forEach((value, i) => {
      expect(value).toBeCloseTo(numpy.values[i]!, 10);
      let dot = 0;
      for (let k = 0; k < 12; k++) dot += vectors[i * 12 + k]! * numpy.vectors[i * 12 + k]!;
      expect(Math.abs(dot)).toBeCloseTo(1, 10);
      const row = [...vectors.subarray(i * 12, (i + 1) * 12)];
      expect(row.find((x) => Math.abs(x) > Math.max(...row.map(Math.abs)) * (1 - 1e-9))).toBeGreaterThan(0);
    });
  });

  it("decomposes a singular matrix of a patch's size: vectors orthonormal, values in falling order", () => {
    const n = 192;
    const rank = 20;
    const factor = Float64Array.from({ length: n * rank }, (_, i) => Math.sin(i * i * 0.37 + i));
    const matrix = new Float64Array(n * n);
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++)
        for (let k = 0; k < rank; k++) matrix[i * n + j]! += factor[i * rank + k]! * factor[j * rank + k]!;
    const { values, vectors } = symmetricEigen(matrix, n);
    let worst = 0;
    for (let i = 0; i < n; i++)
      for (let j = 0; j <= i; j++) {
        let dot = 0;
        for (let k = 0; k < n; k++) dot += vectors[i * n + k]! * vectors[j * n + k]!;
        worst = Math.max(worst, Math.abs(dot - (i === j ? 1 : 0)));
      }
    expect(worst).toBeLessThan(1e-12);
    expect([...values].every((value, i) => i === 0 || value <= values[i - 1]!)).toBe(true);
    expect(Math.abs(values[rank]!)).toBeLessThan(1e-10 * values[0]!);
    const trace = matrix.reduce((sum, value, i) => sum + (i % (n + 1) === 0 ? value : 0), 0);
    expect(values.reduce((sum, value) => sum + value, 0)).toBeCloseTo(trace, 6);
  });
});
