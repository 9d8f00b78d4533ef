import type { ShardRow, Shards } from "../data/shards.js";

/** So many clips of a split, evenly spread over it. */
export function spreadRows({ index }: Shards, split: string, count: number): ShardRow[] {
  const rows = index.filter((row) => row.split === split);
  const wanted = Math.min(count, rows.length);
  return Array.from({ length: wanted }, (_, i) => rows[Math.floor((i * rows.length) / wanted)]!);
}
