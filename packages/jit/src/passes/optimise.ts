import type { Graph } from "../ir/graph.js";
import { simplify } from "./algebra.js";
import { commonSubexpressions } from "./common-subexpressions.js";
import { foldConstants } from "./constants.js";
import { deadCode } from "./dead-code.js";
import { cancelLayout } from "./layout.js";

/**
 * Twice, because what one pass leaves the others may use; more rounds find nothing in the networks at hand. Equal expressions come first:
 * constants that every layer makes are then computed once.
 */
const passes = { deadCode, commonSubexpressions, foldConstants, simplify, cancelLayout } as const;

export type PassName = keyof typeof passes;
export const passNames = Object.keys(passes) as readonly PassName[];
const order: readonly PassName[] = [...passNames, ...passNames, "commonSubexpressions", "deadCode"];

let leftOut: readonly PassName[] = [];

export function optimise(graph: Graph): Graph {
  return order.filter((name) => !leftOut.includes(name)).reduce((g, name) => passes[name](g), graph);
}

/** Runs `f` with some passes switched off: no result may depend on them. */
export async function withoutPasses<R>(names: readonly PassName[], f: () => Promise<R>): Promise<R> {
  const before = leftOut;
  leftOut = names;
  try {
    return await f();
  } finally {
    leftOut = before;
  }
}
