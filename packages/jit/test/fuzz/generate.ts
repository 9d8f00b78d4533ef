import { tf } from "../../src/index.js";
import { type DType, sizeOf, type TensorData } from "../../src/ir/graph.js";
import { Chooser } from "./chooser.js";
import { operators } from "./operators/index.js";
import { codeOf, evaluate, type Input, namesIn, type Program, type Statement, type Variable } from "./program.js";
import { Random } from "./random.js";

const names = Object.entries(operators).flatMap(([name, { weight = 1 }]) => Array<string>(weight).fill(name));
const largestResult = 4096;
/** Above it, integers that pass through float32 on one of the two sides would lose their last digits. */
const largestInteger = 2 ** 22;
const largestRank = 6;

export function tensorOf({ data, shape, dtype }: Input): tf.Tensor {
  return tf.tensor(data, [...shape], dtype);
}

/** Whether tfjs's result of a new statement is something to go on with. */
function usable(result: unknown, r: Random): result is tf.Tensor {
  if (!(result instanceof tf.Tensor) || result.rank > largestRank || result.size > largestResult) return false;
  // tf.min(x, []) and the like have no sensible shape.
  if (!result.shape.every((size: number) => size >= 0)) return false;
  const data = result.dataSync();
  if (result.dtype === "int32") return data.every((value) => Math.abs(value) < largestInteger);
  const broken = Array.from(data).filter((value) => !Number.isFinite(value));
  return broken.length <= data.length / 4 || r.chance(0.25);
}

/** The program of a seed. Every statement has run eagerly on tfjs's cpu backend. */
export function generate(seed: number): Program {
  const r = new Random(seed);
  const gradient = r.chance(0.3);
  const [empty, special] = [r.chance(0.15), !gradient && r.chance(0.5)];
  const length = r.int(1, 12);
  const inputs: Input[] = [];
  const statements: Statement[] = [];
  const pool: Variable[] = [];
  const tensors: Record<string, tf.Tensor> = {};
  let next = 0;
  for (let attempt = 0; statements.length < length && attempt < 4 * length; attempt++) {
    const operator = r.pick(names);
    const chooser = new Chooser(r, pool, next, empty, special);
    const code = operators[operator]!.code(chooser);
    if (code === undefined) continue;
    const fresh = Object.fromEntries(chooser.added.map((input) => [input.name, tensorOf(input)]));
    const name = `v${next + chooser.added.length}`;
    next += chooser.added.length + 1;
    const draft = {
      name,
      code,
      operator,
      rounding: operators[operator]!.rounding ?? "relative",
      shape: [],
      dtype: "float32" as DType,
    };
    const operands = namesIn(code).map((read) => (tensors[read] ?? fresh[read])!);
    if (operators[operator]!.ordinary && !operands.every(isOrdinary)) continue;
    const result = attemptEagerly(draft, { ...tensors, ...fresh });
    if (!usable(result, r)) continue;
    const used = chooser.added.filter((input) => namesIn(code).includes(input.name));
    const statement = { ...draft, shape: result.shape, dtype: result.dtype as DType };
    if (gradient && !hasGradient(alone(statement, operands)) && r.chance(0.9)) continue;
    inputs.push(...used);
    statements.push(statement);
    pool.push(...chooser.added.filter((input) => used.includes(input)), statement);
    Object.assign(tensors, fresh, { [name]: result });
  }
  const read = new Set(statements.flatMap(({ code }) => namesIn(code)));
  const outputs = statements.filter(({ name }) => !read.has(name) || r.chance(0.2)).map(({ name }) => name);
  const program = { inputs, statements, outputs, gradient: false };
  return gradient && hasGradient(program) ? { ...program, gradient } : program;
}

/** The program of one statement. */
function alone(statement: Statement, operands: readonly tf.Tensor[]): Program {
  const inputs = namesIn(statement.code).map((name, i): Input => {
    const { shape, dtype } = operands[i]!;
    return { name, shape, dtype: dtype as DType, data: operands[i]!.dataSync() as TensorData };
  });
  return { inputs, statements: [statement], outputs: [statement.name], gradient: false };
}

function isOrdinary(x: tf.Tensor): boolean {
  return x
    .dataSync()
    .every((value: number) => Object.is(value, 0) || (Math.abs(value) > 1e-4 && Math.abs(value) < 1e4));
}

function attemptEagerly(statement: Statement, tensors: Record<string, tf.Tensor>): unknown {
  try {
    return codeOf(statement)(tensors);
  } catch {
    return undefined;
  }
}

const same = (x: tf.Tensor) => x.mul(1);

function hasGradient(program: Program): boolean {
  const floats = (variables: readonly Variable[]) => variables.filter(({ dtype }) => dtype === "float32");
  const results = program.statements.filter(({ name }) => program.outputs.includes(name));
  if (floats(program.inputs).length === 0 || floats(results).length === 0) return false;
  if (results.some(({ shape }) => sizeOf(shape) === 0)) return false;
  try {
    // As it is evaluated later: tf.logSigmoid has no gradient eagerly for an operand that was computed.
    tf.tidy(() =>
      evaluate({ ...program, gradient: true }, program.inputs.map(tensorOf), { result: same, gradient: same }),
    );
    return true;
  } catch {
    return false;
  }
}
