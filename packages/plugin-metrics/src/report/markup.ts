/** Text that is markup already. */
export class Markup {
  constructor(readonly text: string) {}
}

type Insert = Markup | string | number | undefined | false | readonly Insert[];

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function insert(value: Insert): string {
  if (value === undefined || value === false) return "";
  if (value instanceof Markup) return value.text;
  if (Array.isArray(value)) return value.map(insert).join("");
  return String(value).replace(/[&<>"']/g, (character) => entities[character]!);
}

/** Markup from a template; what is put in is escaped unless it is markup itself. `undefined` and `false` give nothing. */
export function html(parts: TemplateStringsArray, ...values: readonly Insert[]): Markup {
  return new Markup(parts.map((part, i) => (i === 0 ? part : insert(values[i - 1]) + part)).join(""));
}
