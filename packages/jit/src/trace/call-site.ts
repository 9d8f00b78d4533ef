import { relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** Where in the user's code something was asked of tfjs, and by which of its functions. */
export interface CallSite {
  /** `tf.exp`, `Tensor.dataSync`, ...; undefined when the call does not go through tfjs. */
  readonly called: string | undefined;
  /**
   * `file:line:column`, relative to the current folder where it is inside, and through which place of an installed package; undefined when
   * no frame is the user's.
   */
  readonly place: string | undefined;
}

/** Frames kept while looking: tfjs nests deeply. */
const depth = 100;
const own = fileURLToPath(new URL("..", import.meta.url));
const library = `${sep}@tensorflow${sep}`;
const installed = `${sep}node_modules${sep}`;
const frame = /^\s*at (?:(?:async )?(.*?) \()?(file:\/\/.*?|(?:[A-Za-z]:)?[\\/].*?):(\d+):(\d+)\)?$/;

interface Frame {
  /** As V8 names it; undefined at the top level of a module. */
  readonly name: string | undefined;
  readonly file: string;
  readonly position: string;
}

/** A line of a stack; undefined when it is of no file. */
function parse(line: string): Frame | undefined {
  const [, name, address, row, column] = (!line.includes("eval at ") && frame.exec(line)) || [];
  if (address === undefined) return undefined;
  // In an address spaces are written %20, and Windows' separators are others.
  return { name, file: address.startsWith("file:") ? fileURLToPath(address) : address, position: `${row}:${column}` };
}

const stackLines = (): readonly string[] => {
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = depth;
  const lines = (new Error().stack ?? "").split("\n");
  Error.stackTraceLimit = before;
  return lines;
};

/** Whether one of tfjs's functions whose names match is running. */
export const isRunning = (names: RegExp): boolean =>
  stackLines().some((line) => line.includes(library) && names.test(parse(line)?.name ?? ""));

/**
 * The nearest frame of the stack that is neither of this package nor of tfjs; when it is an installed package's, also the nearest of the
 * traced function that is not. For errors: reading a stack takes some 0.1 ms.
 */
export function callSite(): CallSite {
  let called: string | undefined;
  let through: string | undefined;
  for (const line of stackLines()) {
    const at = parse(line);
    if (at === undefined) continue;
    const { name, file, position } = at;
    if (file.startsWith(own)) {
      // Below it is who called the program, not who wrote the function.
      if (name === "trace") break;
    } else if (file.includes(library)) {
      if (through === undefined) called = publicName(name) ?? called;
    } else {
      const place = `${shown(file)}:${position}`;
      if (!file.includes(installed)) return { called, place: through ? `${place}, through ${through}` : place };
      through ??= place;
    }
  }
  return { called, place: through };
}

/** tfjs's name of a frame as a user knows it: `Tensor.dataSync`, or `tf.exp` for its `exp_` and `exp__op`. */
function publicName(name: string | undefined): string | undefined {
  if (name === undefined || /anonymous|Engine\.|^new /.test(name)) return undefined;
  const method = name.replace(/\[as .*\]/, "").trim();
  return method.includes(".")
    ? method
        .replace(/^(?:Object|Proxy|Module|exports)\./, "tf.")
        .replace(/^getGlobalTensorClass\./, "Tensor.")
        .replace(/(?:__op|_)$/, "")
    : `tf.${method.replace(/(?:__op|_)$/, "")}`;
}

function shown(file: string): string {
  const inside = relative(process.cwd(), file);
  return inside.startsWith("..") ? file : inside;
}

/** ` at file:line:column`, to end a sentence with; empty when the place is not known. */
export const atPlace = ({ place }: CallSite = callSite()): string => (place === undefined ? "" : ` at ${place}`);
