/**
 * Eigenvalues of a symmetric matrix [size, size] (row-major; overwritten), in no particular order: Householder
 * tridiagonalisation, then the implicit QL iteration with Wilkinson's shift (Golub and Van Loan, "Matrix
 * Computations", 8.3). Values only, so that it costs 4/3 size^3 operations. Throws a `RangeError` on non-finite input.
 */
export function symmetricEigenvalues(matrix: Float64Array, size: number): Float64Array {
  for (const value of matrix) if (!Number.isFinite(value)) throw new RangeError("the matrix is not finite");
  const { diagonal, offDiagonal } = tridiagonalise(matrix, size);
  iterate(diagonal, offDiagonal);
  return diagonal;
}

/** Diagonal, and off-diagonal whose entry i couples i and i + 1 (the last one is 0). */
function tridiagonalise(a: Float64Array, size: number) {
  const diagonal = new Float64Array(size);
  const offDiagonal = new Float64Array(size);
  const v = new Float64Array(size);
  const p = new Float64Array(size);
  for (let k = 0; k < size - 2; k++) {
    let square = 0;
    for (let i = k + 1; i < size; i++) square += a[i * size + k]! ** 2;
    const pivot = a[(k + 1) * size + k]!;
    const rest = square - pivot ** 2;
    if (rest <= 0) {
      offDiagonal[k] = pivot;
      continue;
    }
    const norm = pivot > 0 ? -Math.sqrt(square) : Math.sqrt(square);
    offDiagonal[k] = norm;
    for (let i = k + 1; i < size; i++) v[i] = a[i * size + k]!;
    v[k + 1] = pivot - norm;
    const beta = 2 / (rest + (pivot - norm) ** 2);
    reflect(a, size, k + 1, v, p, beta);
  }
  for (let i = 0; i < size; i++) diagonal[i] = a[i * size + i]!;
  if (size > 1) offDiagonal[size - 2] = a[(size - 1) * size + size - 2]!;
  return { diagonal, offDiagonal };
}

/** A <- H A H with H = I - beta v v^T, on the rows and columns from `from`. */
function reflect(a: Float64Array, size: number, from: number, v: Float64Array, p: Float64Array, beta: number): void {
  let dot = 0;
  for (let i = from; i < size; i++) {
    let sum = 0;
    const row = i * size;
    for (let j = from; j < size; j++) sum += a[row + j]! * v[j]!;
    p[i] = beta * sum;
    dot += p[i]! * v[i]!;
  }
  const half = (beta * dot) / 2;
  for (let i = from; i < size; i++) p[i] = p[i]! - half * v[i]!;
  for (let i = from; i < size; i++) {
    const row = i * size;
    const vi = v[i]!;
    const pi = p[i]!;
    for (let j = from; j < size; j++) a[row + j] = a[row + j]! - vi * p[j]! - pi * v[j]!;
  }
}

const maxSweeps = 60;

/** Implicit QL on a tridiagonal matrix; leaves its eigenvalues in `d`. */
function iterate(d: Float64Array, e: Float64Array): void {
  const size = d.length;
  for (let low = 0; low < size; low++) {
    for (let sweep = 0; ; sweep++) {
      let high = low;
      while (high < size - 1 && Math.abs(e[high]!) > Number.EPSILON * (Math.abs(d[high]!) + Math.abs(d[high + 1]!)))
        high++;
      if (high === low) break;
      if (sweep === maxSweeps) throw new RangeError("the eigenvalue iteration does not converge");
      let g = (d[low + 1]! - d[low]!) / (2 * e[low]!);
      g = d[high]! - d[low]! + e[low]! / (g + (g >= 0 ? Math.hypot(g, 1) : -Math.hypot(g, 1)));
      let s = 1;
      let c = 1;
      let shift = 0;
      let i = high - 1;
      for (; i >= low; i--) {
        const f = s * e[i]!;
        const b = c * e[i]!;
        const r = Math.hypot(f, g);
        e[i + 1] = r;
        if (r === 0) {
          d[i + 1] = d[i + 1]! - shift;
          e[high] = 0;
          break;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1]! - shift;
        const t = (d[i]! - g) * s + 2 * c * b;
        shift = s * t;
        d[i + 1] = g + shift;
        g = c * t - b;
      }
      if (i >= low) continue;
      d[low] = d[low]! - shift;
      e[low] = g;
      e[high] = 0;
    }
  }
}
