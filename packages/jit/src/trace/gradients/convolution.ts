import * as tf from "@tensorflow/tfjs";
import { type ConvAttrs, geometryOf } from "../kernels/convolution.js";
import { type Gradient, registerGradient, runKernel } from "./register.js";

type Family = keyof typeof geometryOf;

/** The kernels of one convolution, which are linear in both inputs and so each other's gradients. */
interface Kernels {
  readonly input: string;
  readonly filter: string;
  /** tfjs's filter in PyTorch's layout, and back. */
  readonly toTorch: (filter: tf.Tensor) => tf.Tensor;
  readonly fromTorch: (filter: tf.Tensor, shape: readonly number[]) => tf.Tensor;
}

const families: Readonly<Record<Family, Kernels>> = {
  Conv2D: {
    input: "Conv2DBackpropInput",
    filter: "Conv2DBackpropFilter",
    toTorch: (filter) => filter.transpose([3, 2, 0, 1]),
    fromTorch: (filter) => filter.transpose([2, 3, 1, 0]),
  },
  Conv3D: {
    input: "Conv3DBackpropInputV2",
    filter: "Conv3DBackpropFilterV2",
    toTorch: (filter) => filter.transpose([4, 3, 0, 1, 2]),
    fromTorch: (filter) => filter.transpose([2, 3, 4, 1, 0]),
  },
  DepthwiseConv2dNative: {
    input: "DepthwiseConv2dNativeBackpropInput",
    filter: "DepthwiseConv2dNativeBackpropFilter",
    toTorch: (filter) => {
      const [height, width, channels, multiplier] = filter.shape as [number, number, number, number];
      return filter.transpose([2, 3, 0, 1]).reshape([channels * multiplier, 1, height, width]);
    },
    fromTorch: (filter, [height, width, channels, multiplier]) =>
      filter.reshape([channels!, multiplier!, height!, width!]).transpose([2, 3, 0, 1]),
  },
};

/** tfjs's kernels ignore dilation where they compute gradients; ours, which `nn.conv` uses, do not. */
function dilated(family: Family): Gradient<ConvAttrs> {
  const { toTorch, fromTorch } = families[family];
  return (dy, [x, filter], attrs) => {
    const geometry = geometryOf[family](x!.shape, filter!.shape, attrs);
    const first = attrs.dataFormat === "NCHW";
    const toLast = (value: tf.Tensor) => (first ? value.transpose([0, 2, 3, 1]) : value);
    return {
      x: () => {
        const dx = runKernel("JitConvInputGradient", { dy: toLast(dy), filter: toTorch(filter!) }, geometry);
        return first ? dx.transpose([0, 3, 1, 2]) : dx;
      },
      filter: () =>
        fromTorch(runKernel("JitConvFilterGradient", { x: toLast(x!), dy: toLast(dy) }, geometry), filter!.shape),
    };
  };
}

const isDilated = ({ dilations }: ConvAttrs) => [dilations ?? 1].flat().some((rate) => rate !== 1);

for (const family of Object.keys(families) as Family[]) {
  const { input, filter: filterKernel } = families[family];
  const undilated = tf.getGradient(family)!.gradFunc;
  const withDilation = dilated(family);
  registerGradient<ConvAttrs>(family, ["x", "filter"], (dy, saved, attrs) =>
    isDilated(attrs)
      ? withDilation(dy, saved, attrs)
      : (undilated(dy, saved, attrs as unknown as tf.NamedAttrMap) as ReturnType<Gradient<ConvAttrs>>),
  );
  const forward = (attrs: ConvAttrs) => ({
    dataFormat: "NHWC",
    dilations: family === "Conv3D" ? [1, 1, 1] : [1, 1],
    ...attrs,
  });
  if (tf.getGradient(input) === undefined) {
    registerGradient<ConvAttrs>(input, ["dy", "filter"], (ddx, [dy, filter], attrs) => ({
      dy: () => runKernel(family, { x: ddx, filter: filter! }, forward(attrs)),
      filter: () => runKernel(filterKernel, { x: ddx, dy: dy! }, { ...attrs, filterShape: filter!.shape }),
    }));
  }
  registerGradient<ConvAttrs>(filterKernel, ["x", "dy"], (dfilter, [x, dy], attrs) => ({
    x: () => runKernel(input, { dy: dy!, filter: dfilter }, { ...attrs, inputShape: x!.shape }),
    dy: () => runKernel(family, { x: x!, filter: dfilter }, forward(attrs)),
  }));
}
