import { CmmdError } from "../errors.js";
import { nearest } from "../pipeline/nearest.js";

type Shapes = Readonly<Record<string, { readonly shape: readonly number[] }>>;

/** More lines than this say nothing new: the file belongs to another network. */
const mostListed = 40;

const shown = (shape: readonly number[]) => `[${shape.join(", ")}]`;
const sameShape = (a: readonly number[], b: readonly number[]) =>
  a.length === b.length && a.every((n, i) => n === b[i]);

/** What is wrong with weights, one line for each tensor. */
function* mismatches(found: Shapes, expected: Shapes, ignoreOthers: boolean): Generator<() => string> {
  const has = (tensors: Shapes, name: string) => Object.hasOwn(tensors, name);
  const others = Object.keys(found).filter((name) => !has(expected, name));
  for (const [name, { shape }] of Object.entries(expected)) {
    if (!has(found, name))
      yield () => {
        const near = nearest(name, others);
        return `"${name}" ${shown(shape)} is missing${near ? ` (there is "${near}" ${shown(found[near]!.shape)})` : ""}`;
      };
    else if (!sameShape(found[name]!.shape, shape))
      yield () => `"${name}" is ${shown(found[name]!.shape)}, not ${shown(shape)}`;
  }
  if (!ignoreOthers)
    for (const name of others) yield () => `"${name}" ${shown(found[name]!.shape)} is not of this network`;
}

/**
 * Checks that `found` has exactly the tensors of `expected`, in their shapes; in any order. Throws one CMMD570 that names every tensor which
 * is missing, has another shape or is not known, with both shapes. `source` says where they come from, mostly a path; `ignoreOthers` lets
 * a file hold more than is needed of it; `hint` is for reasons that the caller knows better.
 */
export function matchTensors(
  found: Shapes,
  expected: Shapes,
  source: string,
  { ignoreOthers = false, hint }: { readonly ignoreOthers?: boolean; readonly hint?: string } = {},
): void {
  const problems = [...mismatches(found, expected, ignoreOthers)];
  if (problems.length === 0) return;
  const lines = problems.slice(0, mostListed).map((line) => `  ${line()}`);
  const more = problems.length - lines.length;
  if (more > 0) lines.push(`  and ${more} more`);
  const all = Object.keys(expected).length;
  throw new CmmdError(
    "CMMD570",
    `${source}: the weights do not fit the network (${problems.length} problems; it has ${all} tensors):\n${lines.join("\n")}`,
    {
      hint: hint ?? "They are of another network or of other options: check the file and the options it was made with.",
    },
  );
}
