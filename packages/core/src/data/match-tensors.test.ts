import { expect, test } from "vitest";
import { CmmdError } from "../errors.js";
import { matchTensors } from "./match-tensors.js";

const of = (shapes: Record<string, number[]>) =>
  Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, { shape }]));

test("all that does not fit is named at once, with both shapes", () => {
  const found = of({ "enc.0.weight": [8, 4], "enc.0.bias": [7], "enc_1.weight": [3], extra: [2] });
  const expected = of({ "enc.0.weight": [8, 4], "enc.0.bias": [8], "enc.1.weight": [3], scale: [] });
  let error: unknown;
  try {
    matchTensors(found, expected, "w.safetensors");
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(CmmdError);
  const { code, message } = error as CmmdError;
  expect(code).toBe("CMMD570");
  expect(message.split("\n")).toEqual([
    "w.safetensors: the weights do not fit the network (5 problems; it has 4 tensors):",
    `  "enc.0.bias" is [7], not [8]`,
    `  "enc.1.weight" [3] is missing (there is "enc_1.weight" [3])`,
    `  "scale" [] is missing`,
    `  "enc_1.weight" [3] is not of this network`,
    `  "extra" [2] is not of this network`,
  ]);
});

test("what fits is passed, and more than is needed where that is allowed", () => {
  matchTensors(of({ b: [1], a: [2] }), of({ a: [2], b: [1] }), "w");
  matchTensors(of({ b: [1], a: [2] }), of({ a: [2] }), "w", { ignoreOthers: true });
  expect(() => matchTensors(of({ b: [1], a: [2] }), of({ a: [2] }), "w")).toThrow(/not of this network/);
});
