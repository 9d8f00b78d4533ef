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
const passes = [deadCode, commonSubexpressions, foldConstants, simplify, cancelLayout];

export function optimise(graph: Graph): Graph {
  return [...passes, ...passes, commonSubexpressions, deadCode].reduce((g, pass) => pass(g), graph);
}
