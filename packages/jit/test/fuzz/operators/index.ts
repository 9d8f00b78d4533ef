import { elementwise } from "./elementwise.js";
import { movement } from "./movement.js";
import type { Operators } from "./operator.js";
import { products } from "./products.js";
import { reductions } from "./reductions.js";
import { windows } from "./windows.js";

/** Everything that a random program is made of. */
export const operators: Operators = { ...elementwise, ...reductions, ...products, ...movement, ...windows };
