import { readFileSync } from "node:fs";
import { relative } from "node:path";
import type { CmmdError, Place } from "../errors.js";

const styles = { red: 31, bold: 1, dim: 2, cyan: 36 } as const;

/**
 * An error as text: code and message, place, the source line with the characters in question underlined, and what to do.
 * `source` is the text of the file that the error lies in; it is read from disk when absent.
 */
export function renderError(
  error: CmmdError,
  options: { readonly color?: boolean; readonly source?: string } = {},
): string {
  const paint = (style: keyof typeof styles, text: string) =>
    options.color ? `\u001b[${styles[style]}m${text}\u001b[0m` : text;
  const lines = [`${paint("red", error.code)} ${paint("bold", error.message)}`];
  const { place } = error;
  if (place) {
    const where = place.text === undefined ? `${shown(place.file)}:${place.line}:${place.column}` : place.file;
    lines.push(`  ${paint("cyan", where)}`);
    const line = place.text ?? sourceLine(place, options.source);
    if (line !== undefined) {
      const gutter = place.text === undefined ? String(place.line) : "";
      const bar = paint("dim", "│");
      lines.push(`  ${paint("dim", gutter)}${gutter ? " " : ""}${bar} ${line.replaceAll("\t", " ")}`);
      const indent = " ".repeat(gutter.length + (gutter ? 1 : 0));
      lines.push(`  ${indent}${bar} ${caret(line, place, (text) => paint("red", text))}`);
    }
  }
  if (error.hint) lines.push(...error.hint.split("\n").map((text) => `  ${text}`));
  return lines.join("\n");
}

/** Spaces up to the column, then carets; as wide as the characters above them are in a terminal. */
function caret(line: string, place: Place, paint: (text: string) => string): string {
  const before = line.slice(0, place.column - 1);
  const marked = [...line.slice(place.column - 1)].slice(0, place.length).join("");
  return " ".repeat(width(before)) + paint("^".repeat(Math.max(1, width(marked))));
}

/** Columns in a terminal: East Asian wide characters and emoji take two, combining marks none. */
function width(text: string): number {
  let columns = 0;
  for (const character of text)
    columns += /\p{Mn}/u.test(character)
      ? 0
      : /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u.test(
            character,
          )
        ? 2
        : 1;
  return columns;
}

function sourceLine(place: Place, source: string | undefined): string | undefined {
  try {
    return (source ?? readFileSync(place.file, "utf8")).replace(/^\ufeff/, "").split(/\r?\n/)[place.line - 1];
  } catch {
    // The file may be gone by now; the message says enough without the line.
    return undefined;
  }
}

/** The path as the user would type it, when the file lies below the current folder. */
function shown(file: string): string {
  const path = relative(process.cwd(), file);
  return path === "" || path.startsWith("..") ? file : path;
}
