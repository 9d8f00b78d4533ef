import { readFile } from "node:fs/promises";
import { type Document, isAlias, isMap, isScalar, LineCounter, type Node, parseDocument, type YAMLError } from "yaml";
import { CmmdError, type Place } from "../errors.js";
import { variableParts } from "./environment.js";
import type { ListNode, MapEntry, TreeNode } from "./tree.js";

/** A text and how its offsets become places. */
export interface Source {
  readonly file: string;
  readonly text: string;
  /** Set for a text that is in no file: the line to show, and how many of its characters come before `text`. */
  readonly argument?: { readonly line: string; readonly offset: number };
}
export interface Read {
  readonly tree: TreeNode | undefined;
  readonly errors: readonly CmmdError[];
  /** Line of the first syntax error: what follows it may have been misread. */
  readonly brokenAt?: number;
}

/** More nodes than this come only from aliases that multiply each other. */
const mostNodes = 20_000;

const systemErrors: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EISDIR: "it is a folder",
  EACCES: "permission denied",
  EPERM: "permission denied",
};

/** Reads a YAML file into a tree with places. Errors: CMMD101 to CMMD104, CMMD106. `from`: where the file was asked for. */
export async function readTree(file: string, from?: Place): Promise<Read> {
  try {
    const bytes = await readFile(file);
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return parseTree({ file, text });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    const reason = code === "ERR_ENCODING_INVALID_ENCODED_DATA" ? "it is not UTF-8 text" : systemErrors[code];
    const message = `cannot read ${file}: ${reason ?? (error as Error).message}`;
    const hint = from
      ? "The path is relative to the file that it stands in."
      : "Give the path of a pipeline file (YAML).";
    return { tree: undefined, errors: [new CmmdError("CMMD101", message, { hint, place: from, exitCode: 2 })] };
  }
}

/** Parses YAML 1.2 into a tree with places; every problem is collected. */
export function parseTree(source: Source): Read {
  const lines = new LineCounter();
  const document = parseDocument(source.text, { lineCounter: lines, prettyErrors: false });
  const place = (start: number, end: number): Place => placeOf(source, lines, start, end);
  const problems = [...document.errors, ...document.warnings];
  const errors = problems.map((problem) => yamlProblem(problem, source.text, place));
  const broken = document.errors.find((error) => error.code !== "DUPLICATE_KEY");
  const converter = new Converter(document, source, place);
  const tree = document.contents ? converter.convert(document.contents) : undefined;
  return {
    tree,
    errors: [...errors, ...converter.errors],
    ...(broken && { brokenAt: lines.linePos(broken.pos[0]).line }),
  };
}

function placeOf(source: Source, lines: LineCounter, start: number, end: number): Place {
  const { line, col } = lines.linePos(start);
  const newline = source.text.indexOf("\n", start);
  const lineEnd = newline < 0 ? source.text.length : newline;
  const written = source.text.slice(start, Math.min(Math.max(end, start), lineEnd)).trimEnd();
  const { argument } = source;
  return {
    file: source.file,
    line,
    column: col + (argument && line === 1 ? argument.offset : 0),
    length: Math.max(1, [...written].length),
    ...(argument && { text: argument.line }),
  };
}

interface Explained {
  readonly code: string;
  readonly message: (word: string) => string;
  readonly hint: string;
}

/** What the parser's terser messages mean; others are shown as they are. */
const explained: Readonly<Record<string, Explained>> = {
  DUPLICATE_KEY: {
    code: "CMMD103",
    message: (word) => `the key "${word}" stands twice in the same map`,
    hint: "Remove one of the two.",
  },
  TAB_AS_INDENT: { code: "CMMD102", message: () => "a tab is used for indentation", hint: "Indent with spaces." },
  MULTIPLE_DOCS: {
    code: "CMMD102",
    message: () => "the file holds more than one YAML document",
    hint: "Keep one; remove the line `---`.",
  },
  BAD_INDENT: {
    code: "CMMD102",
    message: () => "the indentation does not fit the lines around it",
    hint: "Align it with its siblings.",
  },
  TAG_RESOLVE_FAILED: {
    code: "CMMD104",
    message: (word) => `the YAML tag ${word} is not supported`,
    hint: "Remove the tag.",
  },
};

function yamlProblem(problem: YAMLError, text: string, place: (start: number, end: number) => Place): CmmdError {
  const known = explained[problem.code];
  const [start, end] = problem.pos;
  // The parser marks only the first character of a repeated key.
  const word = /^[^\s:,\]}]+/.exec(text.slice(start))?.[0] ?? "";
  const message = known ? known.message(word) : `not valid YAML: ${lowerFirst(problem.message.split("\n")[0]!)}`;
  return new CmmdError(known?.code ?? "CMMD102", message, {
    hint: known?.hint ?? "Correct the YAML; quote texts that hold special characters.",
    place: place(start, known && word ? start + word.length : end),
    exitCode: 2,
  });
}

const lowerFirst = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);

class Converter {
  readonly errors: CmmdError[] = [];
  private nodes = 0;
  /** Anchored nodes being converted: an alias to one of them would never end. */
  private readonly open = new Set<Node>();

  constructor(
    private readonly document: Document,
    private readonly source: Source,
    private readonly place: (start: number, end: number) => Place,
  ) {}

  private problem(message: string, place: Place, hint: string): void {
    this.errors.push(new CmmdError("CMMD104", message, { hint, place, exitCode: 2 }));
  }

  convert(node: Node): TreeNode {
    const [start, end] = node.range ?? [0, 0];
    const place = this.place(start, end);
    const empty: TreeNode = { type: "scalar", value: null, place };
    if (++this.nodes > mostNodes) {
      if (this.nodes === mostNodes + 1)
        this.problem(`more than ${mostNodes} values, counting aliases`, place, "Use fewer aliases.");
      return empty;
    }
    if (isAlias(node)) {
      const target = node.resolve(this.document);
      if (target && !this.open.has(target)) return this.convert(target);
      if (target)
        this.problem(`the alias *${node.source} stands inside what it refers to`, place, "Write the value out.");
      else
        this.problem(
          `the alias *${node.source} has no anchor`,
          place,
          `Write &${node.source} before the value that it means.`,
        );
      return empty;
    }
    this.open.add(node);
    const converted = isScalar(node) ? this.scalar(node, place) : this.collection(node, place);
    this.open.delete(node);
    return converted;
  }

  private scalar(node: Node & { value: unknown; type?: string }, place: Place): TreeNode {
    const { value } = node;
    if (typeof value !== "string") {
      const simple = typeof value === "number" || typeof value === "boolean" ? value : null;
      return { type: "scalar", value: simple, place };
    }
    const [start, end] = node.range ?? [0, 0];
    const { parts, errors } = variableParts(value, this.source.text.slice(start, end), (from, to) =>
      this.place(start + from, start + to),
    );
    this.errors.push(...errors);
    const plain = node.type === "PLAIN";
    return parts ? { type: "scalar", value, place, parts, plain } : { type: "scalar", value, place };
  }

  private collection(node: Node, place: Place): TreeNode {
    if (isMap<Node, Node | null>(node)) {
      const entries = new Map<string, MapEntry>();
      for (const { key, value } of node.items) {
        const [start, end] = key.range ?? [0, 0];
        const keyPlace = this.place(start, end);
        const name = isScalar(key) && key.value !== null ? (key.source ?? String(key.value)) : undefined;
        if (name === undefined) {
          this.problem("a key must be a word", keyPlace, "Quote it, or remove it.");
          continue;
        }
        const converted: TreeNode = value ? this.convert(value) : { type: "scalar", value: null, place: keyPlace };
        // The first of two equal keys counts; the second one has been reported.
        if (!entries.has(name)) entries.set(name, { key: keyPlace, value: converted });
      }
      return { type: "map", entries, place };
    }
    const list: ListNode = {
      type: "list",
      items: (node as Node & { items: readonly Node[] }).items.map((item) => this.convert(item)),
      place,
    };
    return list;
  }
}
