import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { extname, isAbsolute, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { CmmdError } from "../errors.js";

const here = import.meta.url;

/** Whether a specifier names a local file rather than a package. */
export function isLocal(specifier: string): boolean {
  return /^\.{1,2}[\\/]/.test(specifier) || isAbsolute(specifier);
}

/** A plugin's specifier as it goes on: packages as they are, local files absolute. */
export function absoluteSpecifier(specifier: string, base: string): string {
  return isLocal(specifier) ? resolve(base, specifier) : specifier;
}

/** Path of a package's entry module as seen from the folder `base`, else from this installation. Undefined when not installed. */
export async function resolvePackage(specifier: string, base: string | undefined): Promise<string | undefined> {
  if (base !== undefined) {
    const { createJiti } = await import("jiti");
    const parentURL = pathToFileURL(join(base, "pipeline.yaml")).href;
    const found = createJiti(here, { fsCache: false }).esmResolve(specifier, { parentURL, try: true });
    if (found) return found.startsWith("file:") ? fileURLToPath(found) : found;
  }
  try {
    return createRequire(here).resolve(specifier);
  } catch {
    return undefined;
  }
}

/**
 * The module of a plugin. `base` is the folder that packages are looked up from; built-in plugins have none and belong to this
 * installation. Errors: CMMD250 (not found), CMMD251 (fails on import).
 */
export async function importPlugin(
  specifier: string,
  base: string | undefined,
): Promise<{ readonly default?: unknown }> {
  if (isLocal(specifier)) return importLocal(specifier);
  if (base === undefined) return run(specifier, () => import(/* @vite-ignore */ specifier));
  const entry = await resolvePackage(specifier, base);
  if (!entry) throw notInstalled(specifier);
  return run(specifier, () => import(/* @vite-ignore */ pathToFileURL(entry).href));
}

async function importLocal(path: string): Promise<{ readonly default?: unknown }> {
  if (!existsSync(path))
    throw new CmmdError("CMMD250", `[plugin ${path}] there is no such file`, {
      hint: "Paths under `plugins:` are relative to the file that names them.",
      exitCode: 2,
    });
  if (![".ts", ".mts", ".js", ".mjs"].includes(extname(path)))
    throw new CmmdError("CMMD250", `[plugin ${path}] is not a .ts or .js file`, {
      hint: "Name the module itself, not its folder.",
      exitCode: 2,
    });
  if (extname(path).endsWith("ts")) return run(path, () => importTypeScript(path));
  return run(path, () => import(/* @vite-ignore */ pathToFileURL(path).href));
}

/** Packages of this installation that a local plugin may import wherever it stands, so that it needs no node_modules of its own. */
const own: Readonly<Record<string, () => Promise<unknown>>> = {
  "@cmmd/core": () => import("../index.js"),
  "@cmmd/jit": () => import("@cmmd/jit"),
  "@sinclair/typebox": () => import("@sinclair/typebox"),
};

async function importTypeScript(path: string): Promise<{ readonly default?: unknown }> {
  const [{ createJiti }, text] = await Promise.all([import("jiti"), readFile(path, "utf8")]);
  // Only what the file mentions: @cmmd/jit takes a while to load.
  const named = Object.keys(own).filter((name) => text.includes(name));
  const modules = await Promise.all(named.map(async (name) => [name, await own[name]!()] as const));
  const jiti = createJiti(pathToFileURL(path).href, { fsCache: false, virtualModules: Object.fromEntries(modules) });
  return jiti.import<{ readonly default?: unknown }>(path);
}

async function run<T>(specifier: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const error = cause as NodeJS.ErrnoException;
    const absent = error.code === "ERR_MODULE_NOT_FOUND" && error.message.includes(`'${specifier}'`);
    if (absent) throw notInstalled(specifier, cause);
    const lacksCore = error.code === "ERR_MODULE_NOT_FOUND" && error.message.includes("'@cmmd/");
    throw new CmmdError("CMMD251", `[plugin ${specifier}] fails when it is loaded: ${error.message.split("\n")[0]}`, {
      hint: lacksCore
        ? "Run npm install @cmmd/core beside it, or rename it to .ts: then it finds the one that runs it."
        : "The mistake is in the plugin's own code, or in a package that it needs.",
      cause,
      exitCode: 2,
    });
  }
}

function notInstalled(specifier: string, cause?: unknown): CmmdError {
  return new CmmdError("CMMD250", `[plugin ${specifier}] is not installed`, {
    hint: `Run npm install ${specifier}, or write ./${specifier} if it is a local file.`,
    cause,
    exitCode: 2,
  });
}
