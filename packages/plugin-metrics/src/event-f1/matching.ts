/** Indices of a matched reference event and detected onset. */
type Match = readonly [reference: number, detected: number];

/**
 * Maximum one-to-one matching of two ascending lists of times (s) with |reference - detected| <= tolerance: as many
 * pairs as mir_eval's `match_events`, and among all such matchings the one with the least summed offset, so that the
 * offsets are defined, not an accident of the search. (On a line some such matching never crosses, so an alignment finds it.)
 */
export function matchEvents(
  reference: ArrayLike<number>,
  detected: ArrayLike<number>,
  tolerance: number,
): readonly Match[] {
  const rows = reference.length;
  const columns = detected.length;
  const stride = columns + 1;
  const pairs = new Int32Array((rows + 1) * stride);
  const cost = new Float64Array((rows + 1) * stride);
  const better = (a: number, costA: number, b: number, costB: number) => a > b || (a === b && costA < costB);
  for (let i = 1; i <= rows; i++)
    for (let j = 1; j <= columns; j++) {
      const at = i * stride + j;
      const skip = better(pairs[at - 1]!, cost[at - 1]!, pairs[at - stride]!, cost[at - stride]!)
        ? at - 1
        : at - stride;
      pairs[at] = pairs[skip]!;
      cost[at] = cost[skip]!;
      const offset = Math.abs(reference[i - 1]! - detected[j - 1]!);
      if (offset > tolerance) continue;
      const before = at - stride - 1;
      if (!better(pairs[before]! + 1, cost[before]! + offset, pairs[at]!, cost[at]!)) continue;
      pairs[at] = pairs[before]! + 1;
      cost[at] = cost[before]! + offset;
    }
  const matches: Match[] = [];
  for (let i = rows, j = columns; i > 0 && j > 0; ) {
    const at = i * stride + j;
    if (pairs[at] === pairs[at - stride] && cost[at] === cost[at - stride]) i--;
    else if (pairs[at] === pairs[at - 1] && cost[at] === cost[at - 1]) j--;
    else matches.push([--i, --j]);
  }
  return matches.reverse();
}
