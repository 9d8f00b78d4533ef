import { type DeviceTensor, type HostTensor, JitError, jit, tf } from "../../src/index.js";
import { sameShape } from "../../src/ir/graph.js";
import { type PassName, withoutPasses } from "../../src/passes/optimise.js";
import { type Expected, expected } from "./expected.js";
import { tensorOf } from "./generate.js";
import { evaluate, type Input, outputNames, type Program } from "./program.js";

/** How every second input is given: as an argument like the others, frozen, or captured by the function as an eager tensor. */
type Given = "plain" | "frozen" | "captured";

/** One way to run a program. */
export interface Variant {
  readonly given: Given;
  /** Passes that are switched off. */
  readonly without: readonly PassName[];
}

export interface Failure {
  readonly program: Program;
  readonly variant: Variant;
  readonly reason: string;
  /** Kernels without a lowering, or with one for other attributes only, are refused by name; that is no bug. */
  readonly unsupported: boolean;
}

type Tensors = Readonly<Record<string, tf.Tensor>>;

/** Larger tensors are data, which a function may not capture. */
const largestCaptured = 1000;

const refusals = new Set(["JIT106"]);

/** Runs all programs as parts of one, and compares every result with tfjs's. */
export async function check(programs: readonly Program[], variant: Variant): Promise<Failure[]> {
  const failures = new Map<Program, Failure>();
  const fail = (program: Program, reason: string, unsupported = false) =>
    failures.set(program, { program, variant, reason, unsupported });
  const { given, without } = variant;
  const role = ({ data }: Input, index: number): Given =>
    index % 2 === 0 && (given === "frozen" || data.length <= largestCaptured) ? given : "plain";
  const part = (wanted: Given) =>
    programs.map(({ inputs }) => {
      const chosen = inputs.filter((input, i) => role(input, i) === wanted);
      return Object.fromEntries(chosen.map((input) => [input.name, input]));
    });
  const captured = part("captured").map((inputs) =>
    Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, tensorOf(input)])),
  );
  const hosts = (wanted: Given): Record<string, HostTensor>[] => part(wanted);
  const compiled = jit(
    (frozen: Tensors[], plain: Tensors[]) =>
      programs.map((program, p) => {
        const named = { ...captured[p], ...frozen[p], ...plain[p] };
        try {
          return evaluate(
            program,
            program.inputs.map(({ name }) => named[name]!),
          );
        } catch (error) {
          fail(program, (error as Error).message, error instanceof JitError && refusals.has(error.code));
          return [];
        }
      }),
    { freeze: [0], name: "fuzz" },
  );
  try {
    const results = await withoutPasses(without, () => compiled(hosts("frozen"), hosts("plain")));
    for (const [p, program] of programs.entries()) {
      if (failures.has(program)) continue;
      const reason = await difference(program, results[p]! as DeviceTensor[]);
      if (reason !== undefined) fail(program, reason);
    }
  } catch (error) {
    if (programs.length === 1) fail(programs[0]!, (error as Error).message);
    else return (await Promise.all(halves(programs).map((half) => check(half, variant)))).flat();
  } finally {
    await compiled.dispose().catch(() => undefined);
    tf.dispose(captured);
  }
  return [...failures.values()];
}

function halves<T>(values: readonly T[]): readonly (readonly T[])[] {
  const middle = values.length >> 1;
  return [values.slice(0, middle), values.slice(middle)];
}

async function difference(program: Program, results: readonly DeviceTensor[]): Promise<string | undefined> {
  const names = outputNames(program);
  for (const [i, want] of expected(program).entries()) {
    const got = results[i]!;
    const reason = differs(want, got, (await got.read()).data);
    if (reason !== undefined) return `${names[i]}: ${reason}`;
  }
  return undefined;
}

function differs(want: Expected, got: DeviceTensor, data: ArrayLike<number>): string | undefined {
  if (want.dtype !== got.dtype) return `is ${got.dtype}, in tfjs ${want.dtype}`;
  if (!sameShape(want.shape, got.shape)) return `has shape [${got.shape}], in tfjs [${want.shape}]`;
  for (const [i, value] of want.data.entries()) {
    const result = data[i]!;
    const tolerance = want.tolerance[i]!;
    const same = Object.is(value, result) || value === result || Math.abs(value - result) <= tolerance;
    if (!same && !Number.isNaN(tolerance))
      return `element ${i} of [${want.shape}] is ${result}, in tfjs ${value} within ${tolerance}`;
  }
  return undefined;
}
