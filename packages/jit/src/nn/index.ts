export { conv } from "./conv.js";
export { attention, groupNorm, linear, nearest, silu } from "./layers.js";
