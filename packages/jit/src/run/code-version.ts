import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

let version: string | undefined;

/** Hash of this package's own code: what its lowerings and passes make of a function changes with it. */
export function codeVersion(): string {
  version ??= hashOf(dirname(dirname(fileURLToPath(import.meta.url))));
  return version;
}

function hashOf(folder: string): string {
  const hash = createHash("sha256");
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).toSorted();
  for (const file of files) if (/(?<!\.test|\.d)\.[jt]s$/.test(file)) hash.update(readFileSync(join(folder, file)));
  return hash.digest("hex");
}
