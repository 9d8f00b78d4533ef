export { checkpoint } from "./checkpoint.js";
export { conv } from "./conv.js";
export { convTranspose } from "./conv-transpose.js";
export { attention, groupNorm, linear, nearest, silu } from "./layers.js";
