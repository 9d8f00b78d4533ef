/** Damerau-Levenshtein distance (optimal string alignment): insertions, deletions, substitutions and swaps of neighbours. */
function distance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, beforePrevious[j - 2]! + 1);
      row.push(best);
    }
    beforePrevious = previous;
    previous = row;
  }
  return previous[b.length]!;
}

/**
 * The candidate that `name` was most likely meant to be: within one edit per three characters (at least one), ignoring case and the
 * difference between `-` and `_`; else the shortest candidate that begins with `name`. The first of equally near ones.
 */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  const normal = (text: string) => text.toLowerCase().replaceAll("_", "-");
  const wanted = normal(name);
  let best: { candidate: string; edits: number } | undefined;
  let begun: string | undefined;
  for (const candidate of candidates) {
    const other = normal(candidate);
    const edits = distance(wanted, other);
    const allowed = Math.max(1, Math.floor(Math.max(wanted.length, other.length) / 3));
    if (edits <= allowed && edits < other.length && (!best || edits < best.edits)) best = { candidate, edits };
    if (wanted.length >= 3 && other.startsWith(wanted) && (begun === undefined || candidate.length < begun.length))
      begun = candidate;
  }
  return best?.candidate ?? begun;
}

/** `Did you mean "x"?`, or the list of what there is. `what`: e.g. `options`. */
export function suggestion(name: string, candidates: readonly string[], what: string): string {
  const near = name === "" ? undefined : nearest(name, candidates);
  if (near !== undefined) return `Did you mean "${near}"?`;
  if (candidates.length === 0) return `There are no ${what} here: remove it.`;
  const shown = candidates.slice(0, 20);
  const more = candidates.length - shown.length;
  return `Known ${what}: ${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""}.`;
}
