import { evenly } from "../data/evenly.js";
import type { ShardRow, Shards } from "../data/shards.js";

/** So many clips of a split, evenly spread over it. */
export const spreadRows = ({ index }: Shards, split: string, count: number): ShardRow[] =>
  evenly(
    index.filter((row) => row.split === split),
    count,
  );
