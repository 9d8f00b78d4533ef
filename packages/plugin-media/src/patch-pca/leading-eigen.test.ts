import { stream } from "@cmmd/core";
import { describe, expect, it } from "vitest";
import { symmetricEigen } from "./eigen.js";
import { leadingEigen } from "./leading-eigen.js";

describe("leading eigenvectors", () => {
  it("are those of the full decomposition, which is checked against LAPACK", () => {
    const n = 300;
    const rows = 400;
    const data = stream(1, "data").normal(n * rows);
    const matrix = new Float64Array(n * n);
    // A covariance with a falling spectrum, as that of patches.
    for (let r = 0; r < rows; r++)
      for (let i = 0; i < n; i++)
        for (let j = 0; j < n; j++) matrix[i * n + j]! += (data[r * n + i]! * data[r * n + j]!) / ((i + 1) * (j + 1));
    const full = symmetricEigen(matrix, n);
    const leading = leadingEigen(matrix, n, 8);
    leading.values.forEach((value, i) => {
      expect(Math.abs(value / full.values[i]! - 1)).toBeLessThan(1e-10);
    });
    leading.vectors.forEach((value, i) => {
      expect(Math.abs(value - full.vectors[i]!)).toBeLessThan(1e-6);
    });
  });
});
