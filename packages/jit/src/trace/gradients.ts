import "./gradients/constant.js";
import "./gradients/convolution.js";
import "./gradients/einsum.js";
import "./gradients/images.js";
import "./gradients/indexing.js";
import "./gradients/movement.js";
import "./gradients/pooling.js";
import "./gradients/scans.js";
