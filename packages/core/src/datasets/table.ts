import { readFile } from "node:fs/promises";
import { CmmdError } from "../errors.js";

/**
 * The rows of a comma-separated list (RFC 4180; blanks after a comma and lines that begin with `#` are passed over), each with exactly
 * the wanted columns. Without `header` the file has no line of names, and its columns are the wanted ones in order.
 * Throws CMMD580 (no such file) and CMMD581 (another form, with the line).
 */
export async function readTable<const C extends string>(
  path: string,
  columns: readonly C[],
  { header = true }: { readonly header?: boolean } = {},
): Promise<Record<C, string>[]> {
  const text = await readList(path);
  const { parse } = await import("csv-parse/sync");
  const malformed = (problem: string) =>
    new CmmdError("CMMD581", `"${path}" is not in the dataset's form: ${problem}`, {
      hint: `It should have the columns ${columns.join(", ")}. Download it again, or name the right file.`,
    });
  let lines: string[][];
  try {
    lines = parse(text, { bom: true, ltrim: true, comment: "#", comment_no_infix: true, skip_empty_lines: true });
  } catch (cause) {
    throw malformed((cause as Error).message);
  }
  const names = header ? (lines.shift() ?? []) : columns;
  const places = columns.map((column) => names.indexOf(column));
  const absent = columns.filter((_, i) => places[i] === -1);
  if (absent.length > 0) throw malformed(`it has no column ${absent.join(", ")}`);
  if (lines[0] && lines[0].length < names.length)
    throw malformed(`a row has ${lines[0].length} columns instead of ${names.length}`);
  return lines.map(
    (line) => Object.fromEntries(columns.map((column, i) => [column, line[places[i]!]!])) as Record<C, string>,
  );
}

/** The lines of a plain list, blank ones and blanks around them left out. Throws CMMD580. */
export async function readLines(path: string): Promise<string[]> {
  const lines = (await readList(path)).split("\n").map((line) => line.trim());
  return lines.filter((line) => line !== "");
}

async function readList(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const absent = (cause as NodeJS.ErrnoException).code === "ENOENT";
    throw new CmmdError("CMMD580", `the list "${path}" ${absent ? "does not exist" : "cannot be read"}`, {
      hint: "Check the dataset's options: the list belongs to its official annotations.",
      cause,
    });
  }
}
