import { relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** Where in the user's code something was asked of tfjs, and by which of its functions. */
export interface CallSite {
  /** `tf.exp`, `Tensor.dataSync`, ...; undefined when the call does not go through tfjs. */
  readonly called: string | undefined;
  /** `file:line:column`, relative to the current folder where it is inside; undefined when no frame is the user's. */
  readonly place: string | undefined;
}

/** Frames kept while looking: tfjs nests deeply. */
const depth = 100;
const own = fileURLToPath(new URL("..", import.meta.url));
const library = `${sep}@tensorflow${sep}`;
const frame = /^\s*at (?:(?:async )?(.*?) \()?(?:file:\/\/)?((?:[A-Za-z]:)?[\\/][^()]*?):(\d+):(\d+)\)?$/;

const stackLines = (): readonly string[] => {
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = depth;
  const lines = (new Error().stack ?? "").split("\n");
  Error.stackTraceLimit = before;
  return lines;
};

/** Whether one of tfjs's functions whose names match is running. */
export const isRunning = (names: RegExp): boolean =>
  stackLines().some((line) => line.includes(library) && names.test(frame.exec(line)?.[1] ?? ""));

/** The nearest frame of the stack that is neither of this package nor of tfjs. For errors: reading a stack takes some 0.1 ms. */
export function callSite(): CallSite {
  let called: string | undefined;
  for (const line of stackLines()) {
    const [, name, file, row, column] = frame.exec(line) ?? [];
    if (file === undefined || file.startsWith(own)) continue;
    if (!file.includes(library)) return { called, place: `${shown(file)}:${row}:${column}` };
    called = publicName(name) ?? called;
  }
  return { called, place: undefined };
}

/** tfjs's name of a frame as a user knows it: `Tensor.dataSync`, or `tf.exp` for its `exp_` and `exp__op`. */
function publicName(name: string | undefined): string | undefined {
  if (name === undefined || /anonymous|Engine\.|^new /.test(name)) return undefined;
  const method = name.replace(/\[as .*\]/, "").trim();
  return method.includes(".")
    ? method.replace(/^(?:Object|Proxy|Module|exports)\./, "tf.").replace(/(?:__op|_)$/, "")
    : `tf.${method.replace(/(?:__op|_)$/, "")}`;
}

function shown(file: string): string {
  const inside = relative(process.cwd(), file);
  return inside.startsWith("..") ? file : inside;
}

/** ` at file:line:column`, to end a sentence with; empty when the place is not known. */
export const atPlace = ({ place }: CallSite = callSite()): string => (place === undefined ? "" : ` at ${place}`);
