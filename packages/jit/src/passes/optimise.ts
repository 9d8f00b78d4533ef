import type { Graph } from "../ir/graph.js";
import { simplify } from "./algebra.js";
import { commonSubexpressions } from "./common-subexpressions.js";
import { foldConstants } from "./constants.js";
import { deadCode } from "./dead-code.js";
import { cancelLayout } from "./layout.js";

/** Twice, because what one pass leaves the others may use; more rounds find nothing in the networks at hand. */
const passes = [deadCode, foldConstants, simplify, cancelLayout, commonSubexpressions];

export function optimise(graph: Graph): Graph {
  return deadCode([...passes, ...passes].reduce((g, pass) => pass(g), graph));
}
