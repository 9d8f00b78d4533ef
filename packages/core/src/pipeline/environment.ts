import { isScalar, parseDocument } from "yaml";
import { CmmdError, type Place } from "../errors.js";
import { nearest } from "./nearest.js";
import type { MapEntry, Scalar, ScalarNode, TreeNode, Variable } from "./tree.js";

/** `$${` stands for a literal `${`; otherwise everything up to the next brace belongs to the variable. */
const reference = /\$\$\{|\$\{([^}]*)(\}?)/g;
const body = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([\s\S]*))?$/;

/**
 * Splits a text into literal parts and `${NAME:-default}` references; undefined when it has none. `raw` is the text as it is written
 * in the file (with quotes), in which `place` locates a reference. Errors: CMMD106.
 */
export function variableParts(
  text: string,
  raw: string,
  place: (from: number, to: number) => Place,
): { readonly parts?: readonly (string | Variable)[]; readonly errors: readonly CmmdError[] } {
  if (!text.includes("${")) return { errors: [] };
  const parts: (string | Variable)[] = [];
  const errors: CmmdError[] = [];
  let end = 0;
  let rawEnd = 0;
  for (const match of text.matchAll(reference)) {
    parts.push(text.slice(end, match.index));
    end = match.index + match[0].length;
    const found = raw.indexOf(match[0], rawEnd);
    const start = found < 0 ? rawEnd : found;
    rawEnd = start + match[0].length;
    if (match[0] === "$${") {
      parts.push("${");
      continue;
    }
    const parsed = match[2] ? body.exec(match[1]!) : null;
    const at = place(start, rawEnd);
    if (parsed) parts.push({ name: parsed[1]!, default: parsed[2], place: at });
    else
      errors.push(
        new CmmdError("CMMD106", `"${match[0]}" is not a reference to an environment variable`, {
          hint: `Write \${NAME} or \${NAME:-default}, or $\${ for the characters themselves.`,
          place: at,
          exitCode: 2,
        }),
      );
  }
  parts.push(text.slice(end));
  return errors.length > 0 ? { errors } : { parts, errors };
}

/** The tree with every `${NAME:-default}` replaced from `env`. Errors: CMMD105. */
export function expandEnvironment(
  node: TreeNode,
  env: Readonly<Record<string, string | undefined>>,
  errors: CmmdError[],
): TreeNode {
  if (node.type === "scalar") return expandScalar(node, env, errors);
  if (node.type === "list") return { ...node, items: node.items.map((item) => expandEnvironment(item, env, errors)) };
  const entries = new Map<string, MapEntry>();
  for (const [key, entry] of node.entries)
    entries.set(key, { ...entry, value: expandEnvironment(entry.value, env, errors) });
  return { ...node, entries };
}

/** One text with its variables replaced; an undefined one is reported and leaves the text empty. */
export function expandScalar(
  node: ScalarNode,
  env: Readonly<Record<string, string | undefined>>,
  errors: CmmdError[],
): ScalarNode {
  const { parts, plain, ...scalar } = node;
  if (!parts) return node;
  const text = parts.map((part) => (typeof part === "string" ? part : valueFrom(part, env, errors))).join("");
  return { ...scalar, value: plain && parts.some((part) => typeof part !== "string") ? plainScalar(text) : text };
}

function valueFrom(variable: Variable, env: Readonly<Record<string, string | undefined>>, errors: CmmdError[]): string {
  const given = env[variable.name];
  if (variable.default !== undefined) return given || variable.default;
  if (given !== undefined) return given;
  const near = nearest(variable.name, Object.keys(env));
  errors.push(
    new CmmdError("CMMD105", `the environment variable ${variable.name} is not set`, {
      hint: `${near ? `Did you mean ${near}? Otherwise set` : "Set"} it, or give a default: \${${variable.name}:-value}.`,
      place: variable.place,
      exitCode: 2,
    }),
  );
  return "";
}

/** An unquoted value from the environment is a number or a boolean when YAML would read it as one. */
function plainScalar(text: string): Scalar {
  const { contents, errors } = parseDocument(text, { prettyErrors: false });
  const typed = errors.length === 0 && isScalar(contents) && contents.source === text;
  const value = typed ? contents.value : text;
  return typeof value === "number" || typeof value === "boolean" ? value : text;
}
