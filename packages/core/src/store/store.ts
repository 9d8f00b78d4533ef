import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { syncFolder, writeAtomically } from "../data/atomic.js";
import type { Json } from "../plugin/components.js";
import type { StageSummary } from "../stages/stage.js";
import { explained } from "./errors.js";
import { makeFolder } from "./folder.js";
import { type Lock, lockFile } from "./lock.js";

const keyFile = "key.json";
const summaryFile = "summary.json";
const artifactsFile = "artifacts.json";
const partial = ".partial";

/** An earlier description of a stage, finished or not. */
interface StoredDescription {
  readonly key: string;
  readonly description: Json;
  /** Milliseconds since 1970 at which work on it began. */
  readonly time: number;
}

async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await syncTree(path);
    else if (entry.isFile()) {
      const handle = await open(path, "r+");
      await handle.sync().finally(() => handle.close());
    }
  }
  await syncFolder(folder);
}

/**
 * The artifact store: `store/<stage>/<key>/` holds what a finished stage wrote, with its description (`key.json`) and `summary.json`;
 * `<key>.partial/` is one that is being computed or was interrupted. Reading never writes.
 */
export class Store {
  readonly root: string;
  constructor(root: string) {
    this.root = root;
  }

  /** Folder of compiled programs: nothing in it is a result, and it can be removed at any time. */
  get programs(): string {
    return join(this.root, "programs");
  }

  /** Folder of downloaded weights: can be removed, and is fetched again when needed. */
  get weights(): string {
    return join(this.root, "weights");
  }

  /** Folder of a finished artifact, whether it exists or not. */
  folder(stage: string, key: string): string {
    return join(this.root, "store", stage, key);
  }

  /** Folder of an artifact that is being computed or was interrupted, whether it exists or not. */
  partialFolder(stage: string, key: string): string {
    return this.folder(stage, key) + partial;
  }

  has(stage: string, key: string): boolean {
    return existsSync(join(this.folder(stage, key), summaryFile));
  }

  /** Whether an interrupted computation can be continued. */
  hasPartial(stage: string, key: string): boolean {
    return existsSync(this.partialFolder(stage, key));
  }

  summary(stage: string, key: string): StageSummary {
    return JSON.parse(readFileSync(join(this.folder(stage, key), summaryFile), "utf8")) as StageSummary;
  }

  /** Files of a finished stage that are worth showing to the user: absolute paths by name. */
  artifacts(stage: string, key: string): Readonly<Record<string, string>> {
    const folder = this.folder(stage, key);
    const path = join(folder, artifactsFile);
    if (!existsSync(path)) return {};
    const relative = JSON.parse(readFileSync(path, "utf8")) as Record<string, string>;
    return Object.fromEntries(Object.entries(relative).map(([name, file]) => [name, join(folder, file)]));
  }

  /** All descriptions of a stage in the store, newest first. What cannot be read is left out: it only explains. */
  descriptions(stage: string): StoredDescription[] {
    const folder = join(this.root, "store", stage);
    if (!existsSync(folder)) return [];
    const found: StoredDescription[] = [];
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name, keyFile);
      if (!entry.isDirectory() || !existsSync(path)) continue;
      try {
        const description = JSON.parse(readFileSync(path, "utf8")) as Json;
        found.push({ key: entry.name.replace(partial, ""), description, time: statSync(path).mtimeMs });
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
      }
    }
    return found.sort((a, b) => b.time - a.time);
  }

  /** Waits until no other process computes the artifact; see `lockFile`. */
  async lock(stage: string, key: string, options: Parameters<typeof lockFile>[1]): Promise<Lock> {
    const path = `${this.folder(stage, key)}.lock`;
    return explained(path, async () => {
      await makeFolder(dirname(path));
      return lockFile(path, options);
    });
  }

  /** The folder to compute an artifact in; keeps what an interrupted attempt left there. */
  async begin(stage: string, key: string, description: Json): Promise<string> {
    const folder = this.partialFolder(stage, key);
    return explained(folder, async () => {
      await makeFolder(folder);
      await writeAtomically(join(folder, keyFile), [`${JSON.stringify(description, null, 2)}\n`]);
      return folder;
    });
  }

  /** Makes what was computed in the folder of `begin` the artifact, all at once. `artifacts`: paths relative to that folder, by name. */
  async commit(
    stage: string,
    key: string,
    summary: StageSummary,
    artifacts: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const folder = this.folder(stage, key);
    const computed = this.partialFolder(stage, key);
    await explained(folder, async () => {
      if (Object.keys(artifacts).length > 0)
        await writeAtomically(join(computed, artifactsFile), [`${JSON.stringify(artifacts, null, 2)}\n`]);
      await writeAtomically(join(computed, summaryFile), [`${JSON.stringify(summary, null, 2)}\n`]);
      await syncTree(computed);
      // Only something without a summary, such as a copy that broke off, can be in the way: the caller holds the lock.
      await rm(folder, { recursive: true, force: true });
      await rename(computed, folder);
      await syncFolder(dirname(folder));
    });
  }
}
