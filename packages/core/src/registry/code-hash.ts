import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, extname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { tokenizer } from "acorn";
import { CmmdError } from "../errors.js";
import { isLocal, resolvePackage } from "./import-plugin.js";

/** A module's code as its tokens, and the relative specifiers among its strings. */
interface Tokens {
  readonly text: string;
  readonly relative: readonly string[];
}

/** The code without comments and white space. Text that is no JavaScript counts as it is, so that every change to it shows. */
function tokensOf(code: string): Tokens {
  const pieces: string[] = [];
  const specifiers: string[] = [];
  try {
    for (const token of tokenizer(code, { ecmaVersion: "latest", sourceType: "module", allowHashBang: true })) {
      const piece = code.slice(token.start, token.end);
      pieces.push(piece);
      if (token.type.label === "string" && /^.\.{1,2}\//.test(piece)) specifiers.push(piece.slice(1, -1));
    }
  } catch {
    return { text: code, relative: [] };
  }
  return { text: pieces.join("\n"), relative: specifiers };
}

type Transform = (source: string, filename: string) => string;

/** TypeScript as JavaScript; the transformer is loaded when there is TypeScript at all. */
async function transformer(): Promise<Transform> {
  const { createJiti } = await import("jiti");
  const jiti = createJiti(import.meta.url, { fsCache: false });
  return (source, filename) => jiti.transform({ source, filename, ts: true, async: true });
}

const isTypeScript = (path: string) => /\.m?ts$/.test(path);
const isCode = (path: string) => /\.m?(js|ts)$/.test(path) && !/\.(d|test)\.m?ts$/.test(path);

/** Read synchronously: for many small files that is quicker, and nothing else happens meanwhile. */
function tokensOfFile(path: string, transform?: Transform): Tokens {
  const source = readFileSync(path, "utf8");
  return tokensOf(transform && isTypeScript(path) ? transform(source, path) : source);
}

/** All code files below a folder, by path relative to it, sorted; other packages in it are not its code. */
function codeFiles(folder: string): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (entry.name !== "node_modules" && !entry.name.startsWith(".")) found.push(...codeFiles(path));
    } else if (isCode(entry.name)) found.push(path);
  }
  return found;
}

/** SHA-256 over (relative path, tokens) of all code below a folder. TypeScript in it, which nobody ships, counts as it stands. */
function folderDigest(folder: string): string {
  return digestOf(codeFiles(folder).map((path) => [relativePath(folder, path), tokensOfFile(path).text]));
}

const relativePath = (folder: string, path: string) => relative(folder, path).split(sep).join("/");

/** SHA-256 of (path, code) pairs in the order of the paths, which must not depend on the system. */
function digestOf(modules: readonly [path: string, text: string][]): string {
  return sha256(JSON.stringify([...modules].sort(([a], [b]) => (a < b ? -1 : 1))));
}

/** SHA-256 of a local module and of the local modules that it names, however indirectly. */
async function localDigest(entry: string): Promise<string> {
  const modules = new Map<string, string>();
  const waiting = [entry];
  let transform: Transform | undefined;
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (modules.has(path)) continue;
    if (isTypeScript(path)) transform ??= await transformer();
    const tokens = tokensOfFile(path, transform);
    modules.set(path, tokens.text);
    for (const specifier of tokens.relative) {
      const found = localModule(resolve(dirname(path), specifier));
      if (found) waiting.push(found);
    }
  }
  const folder = dirname(entry);
  return digestOf([...modules].map(([path, text]) => [relativePath(folder, path), text]));
}

/** The code file that a relative import means: as written, its TypeScript source, or with the extension left out. */
function localModule(path: string): string | undefined {
  const stem = path.slice(0, path.length - extname(path).length);
  const candidates = [path, `${stem}.ts`, `${path}.ts`, `${path}.js`, join(path, "index.ts"), join(path, "index.js")];
  return candidates.find((file) => isCode(file) && existsSync(file) && statSync(file).isFile());
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/**
 * SHA-256 (hex) of a plugin's code without comments and white space: for a package all code beside and below its entry module, for
 * a local file that file and the local ones it imports. Errors: CMMD250.
 */
export async function codeHash(specifier: string, base?: string): Promise<string> {
  if (isLocal(specifier)) return localDigest(specifier);
  const entry = await resolvePackage(specifier, base);
  if (!entry || !existsSync(entry))
    throw new CmmdError("CMMD250", `[plugin ${specifier}] its code is not where it was`, {
      hint: "Install it again; a package of this repository needs npm run build.",
    });
  return folderDigest(dirname(entry));
}

/** SHA-256 (hex) of cmmd's own code: this package and @cmmd/jit. */
export async function engineHash(): Promise<string> {
  const jit = await resolvePackage("@cmmd/jit", undefined);
  const folders = [fileURLToPath(new URL("..", import.meta.url)), ...(jit ? [dirname(jit)] : [])];
  return sha256(folders.map(folderDigest).join("\n"));
}
