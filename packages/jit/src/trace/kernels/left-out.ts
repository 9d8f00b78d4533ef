import { shapeHint } from "../backend.js";

interface Reason {
  readonly code: string;
  /** Ends "the operation X cannot be traced: ". */
  readonly why: string;
  readonly hint: string;
}

const dataDependent: Reason = {
  code: "JIT109",
  why: "the shape of its result depends on the values",
  hint: shapeHint,
};
const because = (why: string, hint = "Compute it outside jit and pass the result as an argument."): Reason => ({
  code: "JIT106",
  why,
  hint,
});
const complex = because(
  "programs have no complex numbers",
  "Multiply by matrices of cosines and sines, or compute it outside jit and pass the result as an argument.",
);
const strings = because("programs have no strings");

const each = (names: readonly string[], reason: Reason) => Object.fromEntries(names.map((name) => [name, reason]));

/** tfjs's kernels that have no lowering, and why. */
export const leftOut: Readonly<Record<string, Reason>> = {
  ...each(["Complex", "ComplexAbs", "FFT", "IFFT", "Imag", "Real"], complex),
  ...each(["StaticRegexReplace", "StringNGrams", "StringSplit", "StringToHashBucketFast"], strings),
  ...each(
    [
      "NonMaxSuppressionV3", "NonMaxSuppressionV4", "NonMaxSuppressionV5", "RaggedGather", "RaggedRange", "RaggedTensorToTensor",
      "SparseFillEmptyRows", "SparseReshape", "SparseSegmentMean", "SparseSegmentSum", "Unique",
    ],
    dataDependent,
  ), // biome-ignore format: a list
  Draw: because("it draws on a canvas"),
  Multinomial: because("it draws random numbers", "Draw them outside jit and pass them as an argument."),
};
