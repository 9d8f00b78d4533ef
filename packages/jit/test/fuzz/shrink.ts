import { tf } from "../../src/index.js";
import type { TensorData } from "../../src/ir/graph.js";
import { check, type Failure } from "./check.js";
import { tensorOf } from "./generate.js";
import { codeOf, type Input, namesIn, type Program } from "./program.js";

/** Without what no output depends on. */
function pruned(program: Program): Program {
  const needed = new Set(program.outputs);
  const statements = program.statements
    .toReversed()
    .filter(({ name, code }) => {
      if (!needed.has(name)) return false;
      for (const read of namesIn(code)) needed.add(read);
      return true;
    })
    .reverse();
  return { ...program, statements, inputs: program.inputs.filter(({ name }) => needed.has(name)) };
}

/** The program with an intermediate value as an input. */
function cut(program: Program, index: number): Program {
  const statement = program.statements[index]!;
  const data = tf.tidy(() => {
    const tensors = Object.fromEntries(program.inputs.map((input) => [input.name, tensorOf(input)]));
    for (const earlier of program.statements.slice(0, index + 1)) tensors[earlier.name] = codeOf(earlier)(tensors);
    return tensors[statement.name]!.dataSync().slice() as TensorData;
  });
  const input: Input = { name: statement.name, shape: statement.shape, dtype: statement.dtype, data };
  return {
    ...program,
    inputs: [...program.inputs, input],
    statements: program.statements.filter((_, i) => i !== index),
    outputs: program.outputs.filter((name) => name !== statement.name),
  };
}

function withData(program: Program, input: Input, f: (value: number) => number): Program {
  const data = input.data.map(f) as TensorData;
  return { ...program, inputs: program.inputs.map((other) => (other === input ? { ...input, data } : other)) };
}

/** Simpler programs, the simplest first. */
function* simpler(program: Program): Generator<Program> {
  if (program.outputs.length > 1) {
    for (const output of program.outputs) yield pruned({ ...program, outputs: [output] });
  }
  if (program.gradient) yield { ...program, gradient: false };
  for (const index of program.statements.keys()) {
    const shorter = cut(program, program.statements.length - 1 - index);
    if (shorter.outputs.length > 0) yield pruned(shorter);
  }
  for (const statement of program.statements) {
    if (!program.outputs.includes(statement.name)) yield pruned({ ...program, outputs: [statement.name] });
  }
  for (const input of program.inputs) {
    if (input.data.some((value) => value !== 1)) yield withData(program, input, () => 1);
    if (input.data.some((value) => value !== Math.round(value))) yield withData(program, input, Math.round);
  }
}

const mostAttempts = 120;

/** What went wrong, without the numbers. */
const kind = ({ reason }: Failure) =>
  reason
    .replace(/^\w+: /, "")
    .replace(/[\d.e+-]+|NaN|Infinity/g, "")
    .slice(0, 40);

const canDerive = ({ gradient, inputs, statements, outputs }: Program) =>
  !gradient ||
  (inputs.some(({ dtype }) => dtype === "float32") &&
    statements.some(({ name, dtype }) => dtype === "float32" && outputs.includes(name)));

/** A simplest program that fails like the given one. */
export async function shrink(failure: Failure): Promise<Failure> {
  let smallest = failure;
  for (let attempts = 0, found = true; found; ) {
    found = false;
    for (const candidate of simpler(smallest.program)) {
      if (!canDerive(candidate)) continue;
      if (attempts++ > mostAttempts) return smallest;
      const [again] = await check([candidate], failure.variant).catch(() => []);
      if (again === undefined || kind(again) !== kind(failure)) continue;
      smallest = again;
      found = true;
      break;
    }
  }
  return smallest;
}
