import { readFileSync } from "node:fs";
import { open, readFile, rename, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";

/** A process, told apart from a later one with the same number by when it started. */
interface Owner {
  readonly pid: number;
  /** Clock ticks since boot at which the process started; absent where the system does not tell. */
  readonly started?: string;
  readonly host: string;
}

/** Field 22 of /proc/<pid>/stat; the second field, the program's name, may hold spaces and parentheses. */
function startOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

const self = (): Owner => ({ pid: process.pid, started: startOf(process.pid), host: hostname() });

function isAlive({ pid, started, host }: Owner): boolean {
  // Nothing can be said about a process on another machine that shares the disk.
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  return started === undefined || startOf(pid) === started;
}

/** A lock file is written right after it is made; one that is still empty after this time belongs to a killed process. */
const writingMs = 2000;

/** Who holds the lock: a live process, "nobody" (the file is gone), or the text of a file whose process is dead. */
async function holder(path: string): Promise<Owner | "nobody" | { readonly dead: string }> {
  try {
    const text = await readFile(path, "utf8");
    const age = Date.now() - (await stat(path)).mtimeMs;
    let owner: Owner;
    try {
      owner = JSON.parse(text) as Owner;
    } catch {
      return age < writingMs ? { pid: 0, host: hostname() } : { dead: text };
    }
    return isAlive(owner) ? owner : { dead: text };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "nobody";
    throw error;
  }
}

/** Removes the lock of a dead process, unless another process has just taken it over. */
async function clear(path: string, dead: string): Promise<void> {
  const aside = `${path}.${process.pid}`;
  try {
    await rename(path, aside);
    if ((await readFile(aside, "utf8")) === dead) await rm(aside);
    else await rename(aside, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

export interface Lock {
  release(): Promise<void>;
}

/**
 * Takes the lock `path` for this process. While a live process holds it, tells `waiting` once which one, and waits; locks of killed
 * processes are taken over. Rejects with `signal.reason` when that is aborted.
 */
export async function lockFile(
  path: string,
  { signal, waiting }: { readonly signal: AbortSignal; waiting(pid: number, host: string): void },
): Promise<Lock> {
  let told = false;
  for (;;) {
    signal.throwIfAborted();
    try {
      const handle = await open(path, "wx");
      await handle.writeFile(JSON.stringify(self())).finally(() => handle.close());
      return { release: () => rm(path, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const by = await holder(path);
    if (by === "nobody") continue;
    if ("dead" in by) {
      await clear(path, by.dead);
      continue;
    }
    if (by.pid > 0 && !told) {
      waiting(by.pid, by.host);
      told = true;
    }
    await delay(200, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}
