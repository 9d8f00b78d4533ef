import { nn, tf, valueAndGrad } from "../../src/index.js";
import type { DType, TensorData } from "../../src/ir/graph.js";

/**
 * What a correct result may differ by: not at all given the operands, by as much as the operands and itself being rounded, or, in
 * functions with limits such as tanh that runtimes approximate, also by some last digits of the limit.
 */
export type Rounding = "none" | "relative" | "absolute";

export interface Variable {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
}

export interface Input extends Variable {
  readonly data: TensorData;
}

/** `const name = code`, an expression of tf, nn and earlier names. */
export interface Statement extends Variable {
  readonly code: string;
  readonly operator: string;
  readonly rounding: Rounding;
}

/** Statements on inputs. With `gradient`, the results are a weighted sum of the float32 outputs and its gradient by float32 inputs. */
export interface Program {
  readonly inputs: readonly Input[];
  readonly statements: readonly Statement[];
  readonly outputs: readonly string[];
  readonly gradient: boolean;
}

type Code = (tensors: Readonly<Record<string, tf.Tensor>>) => tf.Tensor;
const compiled = new WeakMap<Statement, Code>();

/** The names that an expression reads. */
export const namesIn = (code: string): readonly string[] => [...new Set(code.match(/\b[xv]\d+\b/g))];

export function codeOf(statement: Statement): Code {
  const known = compiled.get(statement);
  if (known) return known;
  const names = namesIn(statement.code);
  // What is printed for a failing program is what ran.
  const body = new Function("tf", "nn", ...names, `return ${statement.code};`);
  const code: Code = (tensors) => body(tf, nn, ...names.map((name) => tensors[name]));
  compiled.set(statement, code);
  return code;
}

/** Small changes of tensors: the operands and results of statements that round, and gradients on their way back. */
export interface Disturb {
  result(x: tf.Tensor, rounding: Rounding): tf.Tensor;
  gradient(dy: tf.Tensor): tf.Tensor;
}

const disturbGradient = (x: tf.Tensor, { gradient }: Disturb) =>
  tf.customGrad((y) => ({ value: (y as tf.Tensor).clone(), gradFunc: (dy: tf.Tensor) => gradient(dy) }))(x);

const weights = (size: number) => `tf.range(0, ${size}).mul(1.7).add(0.3).sin()`;
const weighted = (x: tf.Tensor) => tf.sum(x.flatten().mul(tf.range(0, x.size).mul(1.7).add(0.3).sin()));

function statements(program: Program, given: Record<string, tf.Tensor>, disturb?: Disturb): tf.Tensor[] {
  const tensors = { ...given };
  for (const statement of program.statements) {
    const move = (x: tf.Tensor, rounding: Rounding) => {
      if (disturb === undefined || x.dtype !== "float32") return x;
      const moved = rounding === "none" ? x : disturb.result(x, rounding);
      return program.gradient ? disturbGradient(moved, disturb) : moved;
    };
    const operand = statement.rounding === "none" ? "none" : "relative";
    const operands = Object.fromEntries(namesIn(statement.code).map((name) => [name, move(tensors[name]!, operand)]));
    tensors[statement.name] = move(codeOf(statement)(operands), statement.rounding);
  }
  return program.outputs.map((name) => tensors[name]!);
}

const isFloat = ({ dtype }: { readonly dtype: string }) => dtype === "float32";

/** Runs the program on tensors for its inputs: eagerly, or in a trace. */
export function evaluate(program: Program, inputs: readonly tf.Tensor[], disturb?: Disturb): tf.Tensor[] {
  const named = Object.fromEntries(program.inputs.map(({ name }, i) => [name, inputs[i]!]));
  if (!program.gradient) return statements(program, named, disturb);
  const parameters = Object.fromEntries(Object.entries(named).filter(([, x]) => isFloat(x)));
  const { value, grads } = valueAndGrad((p: Record<string, tf.Tensor>) => {
    const outputs = statements(program, { ...named, ...p }, disturb).filter(isFloat);
    const rounded = outputs.map((x) => (disturb ? disturb.result(x, "relative") : x));
    return { value: rounded.map(weighted).reduce((a, b) => a.add(b)) as tf.Scalar };
  }, parameters);
  return [value, ...Object.values(grads)];
}

export function outputNames(program: Program): readonly string[] {
  if (!program.gradient) return program.outputs;
  return ["value", ...program.inputs.filter(isFloat).map(({ name }) => `gradient by ${name}`)];
}

const literal = (value: number) => (Object.is(value, -0) ? "-0" : String(value));

/** The program as TypeScript that shows both sides of it. */
export function print(program: Program): string {
  const names = program.inputs.map(({ name }) => name);
  const lines = program.statements.map(({ name, code }) => `const ${name} = ${code};`);
  const floats = program.inputs.filter(isFloat).map(({ name }) => name);
  const sums = [...program.statements, ...program.inputs]
    .filter((variable) => program.outputs.includes(variable.name) && isFloat(variable))
    .map(({ name, shape }) => {
      const size = shape.reduce((a, b) => a * b, 1);
      return `tf.sum(${name}.flatten().mul(${weights(size)}))`;
    });
  const body = program.gradient
    ? [
        `const { value, grads } = valueAndGrad(([${floats}]) => {`,
        ...lines.map((line) => `  ${line}`),
        `  return { value: tf.addN([${sums.join(", ")}]) };`,
        `}, [${floats}]);`,
        "return [value, ...grads];",
      ]
    : [...lines, `return [${program.outputs.join(", ")}];`];
  const values = program.inputs.map(
    ({ shape, data }) => `{ shape: [${shape}], data: ${data.constructor.name}.of(${Array.from(data, literal)}) }`,
  );
  return [
    `const f = (${names.map((name) => `${name}: tf.Tensor`).join(", ")}) => {`,
    ...body.map((line) => `  ${line}`),
    "};",
    `await expectSame(f, [${values.join(", ")}]);`,
  ].join("\n");
}
