import type { Lowering } from "../lowering.js";
import { blocks } from "./blocks.js";
import { convolutions } from "./convolution.js";
import { dilation } from "./dilation.js";
import { elementwise } from "./elementwise.js";
import { images } from "./images.js";
import { indexing } from "./indexing.js";
import { dataMovement } from "./movement.js";
import { normalisation } from "./normalisation.js";
import { pooling } from "./pooling.js";
import { products } from "./products.js";
import { reductions } from "./reductions.js";
import { sampling } from "./sampling.js";
import { scans } from "./scans.js";

/** The lowering of every tfjs kernel that can be traced. */
export const lowerings: Readonly<Record<string, Lowering>> = {
  ...blocks,
  ...convolutions,
  ...dataMovement,
  ...dilation,
  ...elementwise,
  ...images,
  ...indexing,
  ...normalisation,
  ...pooling,
  ...products,
  ...reductions,
  ...sampling,
  ...scans,
};
