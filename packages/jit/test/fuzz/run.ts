import { tf } from "../../src/index.js";
import { passNames } from "../../src/passes/optimise.js";
import { check, type Failure, type Variant } from "./check.js";
import { generate } from "./generate.js";
import { print } from "./program.js";
import { shrink } from "./shrink.js";

export interface Report {
  readonly programs: number;
  readonly statements: number;
  readonly gradients: number;
  /** How many programs were refused for each reason. */
  readonly unsupported: Readonly<Record<string, number>>;
  /** How often each operator ran. */
  readonly operators: Readonly<Record<string, number>>;
  /** Shrunk, with the seed of their program, as TypeScript. */
  readonly failures: readonly string[];
}

export interface Options {
  readonly seed: number;
  readonly count: number;
  /** Programs that run as one. */
  readonly batch?: number;
  /** Failures beyond these are counted alike but not shrunk. */
  readonly shrunk?: number;
  /** Runs every program also without any pass, or with each of them singly off. Default neither. */
  readonly passes?: "off" | "singly-off";
  readonly progress?: (done: number, failures: number) => void;
}

const variants: readonly Variant[] = (["plain", "frozen", "captured"] as const).map((given) => ({
  given,
  without: [],
}));

/** More of them, which show when a result depends on a pass. */
const withoutPasses: Readonly<Record<NonNullable<Options["passes"]>, readonly Variant[]>> = {
  off: [{ given: "frozen", without: passNames }],
  "singly-off": [passNames, ...passNames.map((name) => [name])].map((without) => ({ given: "frozen", without })),
};

/** Compares `count` random programs, of seeds `seed`, `seed + 1`, ..., with tfjs's cpu backend. */
export async function fuzz({ seed, count, batch = 25, shrunk = 20, passes, progress }: Options): Promise<Report> {
  const unsupported: Record<string, number> = {};
  const operators: Record<string, number> = {};
  const failures: string[] = [];
  let [statements, gradients] = [0, 0];
  await tf.setBackend("cpu");
  for (let start = 0; start < count; start += batch) {
    const seeds = Array.from({ length: Math.min(batch, count - start) }, (_, i) => seed + start + i);
    const programs = tidily(() => seeds.map(generate));
    for (const program of programs) {
      statements += program.statements.length;
      gradients += Number(program.gradient);
      for (const { operator } of program.statements) operators[operator] = (operators[operator] ?? 0) + 1;
    }
    const failed = new Set<Failure["program"]>();
    for (const variant of [...variants, ...(passes ? withoutPasses[passes] : [])]) {
      for (const failure of await check(programs, variant)) {
        if (failed.has(failure.program)) continue;
        failed.add(failure.program);
        if (failure.unsupported) unsupported[failure.reason] = (unsupported[failure.reason] ?? 0) + 1;
        else
          failures.push(await describe(failure, seeds[programs.indexOf(failure.program)]!, failures.length < shrunk));
      }
    }
    progress?.(start + seeds.length, failures.length);
  }
  return { programs: count, statements, gradients, unsupported, operators, failures };
}

/** tf.tidy for a function whose result holds no tensors. */
function tidily<T>(f: () => T): T {
  let result: T | undefined;
  tf.tidy(() => {
    result = f();
  });
  return result!;
}

async function describe(failure: Failure, seed: number, small: boolean): Promise<string> {
  const { program, reason, variant } = small ? await shrink(failure) : failure;
  const off = variant.without.length > 0 ? `, without ${variant.without.join(", ")}` : "";
  return `// seed ${seed}, every second input ${variant.given}${off}: ${reason}\n${print(program)}`;
}
