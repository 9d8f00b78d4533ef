/** Eigenvalues in falling order, and the unit eigenvector of each as a row of `vectors` [n, n]. */
export interface Eigen {
  readonly values: Float64Array;
  readonly vectors: Float64Array;
}

const sweeps = 50;

/**
 * Eigen-decomposition of a symmetric matrix [n, n] by cyclic Jacobi rotations (Golub and Van Loan, section 8.5). Slower than
 * tridiagonalisation but accurate to the last bits for small eigenvalues too, and a patch has only some 200 dimensions.
 */
export function symmetricEigen(matrix: Float64Array, n: number): Eigen {
  const a = matrix.slice();
  const rows = new Float64Array(n * n);
  for (let i = 0; i < n; i++) rows[i * n + i] = 1;
  const norm = Math.sqrt(a.reduce((sum, value) => sum + value * value, 0));
  for (let sweep = 0; sweep < sweeps && offDiagonal(a, n) > 1e-14 * norm; sweep++)
    for (let p = 0; p < n - 1; p++) for (let q = p + 1; q < n; q++) rotate(a, rows, n, p, q);
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => a[j * n + j]! - a[i * n + i]!);
  const vectors = new Float64Array(n * n);
  order.forEach((from, to) => {
    vectors.set(withSign(rows.subarray(from * n, (from + 1) * n)), to * n);
  });
  return { values: Float64Array.from(order, (i) => a[i * n + i]!), vectors };
}

/** Zeroes a[p, q] and a[q, p]; the rows of `vectors` collect the rotations. */
function rotate(a: Float64Array, vectors: Float64Array, n: number, p: number, q: number): void {
  const apq = a[p * n + q]!;
  if (apq === 0) return;
  const theta = (a[q * n + q]! - a[p * n + p]!) / (2 * apq);
  const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const c = 1 / Math.sqrt(t * t + 1);
  const s = t * c;
  for (let k = 0; k < n; k++) {
    const [kp, kq] = [a[k * n + p]!, a[k * n + q]!];
    a[k * n + p] = c * kp - s * kq;
    a[k * n + q] = s * kp + c * kq;
  }
  rotateRows(a, n, p, q, c, s);
  rotateRows(vectors, n, p, q, c, s);
  a[p * n + q] = 0;
  a[q * n + p] = 0;
}

function rotateRows(a: Float64Array, n: number, p: number, q: number, c: number, s: number): void {
  for (let k = 0; k < n; k++) {
    const [pk, qk] = [a[p * n + k]!, a[q * n + k]!];
    a[p * n + k] = c * pk - s * qk;
    a[q * n + k] = s * pk + c * qk;
  }
}

function offDiagonal(a: Float64Array, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) sum += 2 * a[i * n + j]! ** 2;
  return Math.sqrt(sum);
}

/** An eigenvector's sign is arbitrary: the first of its largest entries is made positive, to a part in 1e9. */
export function withSign(vector: Float64Array): Float64Array {
  const largest = vector.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const leading = vector.find((value) => Math.abs(value) > largest * (1 - 1e-9)) ?? 1;
  return leading < 0 ? vector.map((value) => -value) : vector.slice();
}
