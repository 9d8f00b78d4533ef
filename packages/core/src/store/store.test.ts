import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { writeSafetensors } from "../data/safetensors.js";
import { explainFileError } from "./errors.js";
import { lockFile } from "./lock.js";
import { Store } from "./store.js";

const newFolder = () => mkdtempSync(join(tmpdir(), "cmmd-store-"));
const never = new AbortController().signal;
const silent = { signal: never, waiting: () => undefined };

describe("Store", () => {
  it("shows an artifact only when it is committed, and keeps unfinished work", async () => {
    const store = new Store(newFolder());
    const folder = await store.begin("train", "k1", { stage: "train", steps: 1 });
    writeFileSync(join(folder, "checkpoint"), "half");
    expect([store.has("train", "k1"), store.hasPartial("train", "k1")]).toEqual([false, true]);
    expect(await store.begin("train", "k1", { stage: "train", steps: 1 })).toBe(folder);
    expect(readFileSync(join(folder, "checkpoint"), "utf8")).toBe("half");
    mkdirSync(join(folder, "deep"));
    writeFileSync(join(folder, "deep", "weights"), "all");
    await store.commit("train", "k1", { loss: 0.5 }, { curve: "deep/weights" });
    expect([store.has("train", "k1"), store.hasPartial("train", "k1")]).toEqual([true, false]);
    expect(store.summary("train", "k1")).toEqual({ loss: 0.5 });
    expect(store.artifacts("train", "k1")).toEqual({ curve: join(store.folder("train", "k1"), "deep/weights") });
    expect(store.descriptions("train").map(({ key, description }) => [key, description])).toEqual([
      ["k1", { stage: "train", steps: 1 }],
    ]);
  });

  it("replaces a folder without a summary, such as a copy that broke off", async () => {
    const store = new Store(newFolder());
    mkdirSync(store.folder("s", "k"), { recursive: true });
    writeFileSync(join(store.folder("s", "k"), "x"), "");
    await store.begin("s", "k", {});
    await store.commit("s", "k", {});
    expect(readdirSync(store.folder("s", "k")).sort()).toEqual(["key.json", "summary.json"]);
  });
});

describe("locks", () => {
  const children: ChildProcess[] = [];
  afterAll(() => {
    for (const child of children) child.kill("SIGKILL");
  });
  /** A live process that claims the lock as cmmd would. */
  async function holder(path: string): Promise<ChildProcess> {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000); console.log('up')"]);
    children.push(child);
    await new Promise((resolve) => child.stdout!.once("data", resolve));
    const stat = existsSync("/proc/self/stat") ? readFileSync(`/proc/${child.pid}/stat`, "utf8") : undefined;
    const started = stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    writeFileSync(path, JSON.stringify({ pid: child.pid, started, host: (await import("node:os")).hostname() }));
    return child;
  }

  it("wait for a live process, telling which, and take over when it is killed", async () => {
    const path = join(newFolder(), "k.lock");
    const child = await holder(path);
    const told: number[] = [];
    let taken = false;
    const waiting = lockFile(path, { signal: never, waiting: (pid) => told.push(pid) }).then((lock) => {
      taken = true;
      return lock;
    });
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect([told, taken]).toEqual([[child.pid], false]);
    child.kill("SIGKILL");
    await (await waiting).release();
    expect(existsSync(path)).toBe(false);
  });

  it("stop waiting when the run is interrupted", async () => {
    const path = join(newFolder(), "k.lock");
    await holder(path);
    const controller = new AbortController();
    const waiting = lockFile(path, { signal: controller.signal, waiting: () => controller.abort(new Error("stop")) });
    await expect(waiting).rejects.toThrow("stop");
    expect(existsSync(path)).toBe(true);
  });

  it.skipIf(!existsSync("/proc/self/stat"))("are taken over when the number belongs to a later process", async () => {
    const path = join(newFolder(), "k.lock");
    writeFileSync(path, JSON.stringify({ pid: process.pid, started: "1", host: (await import("node:os")).hostname() }));
    await (await lockFile(path, silent)).release();
  });

  it("let one at a time in, many waiting on the lock of a dead process", async () => {
    const path = join(newFolder(), "k.lock");
    (await holder(path)).kill("SIGKILL");
    let inside = 0;
    let most = 0;
    const enter = async () => {
      const lock = await lockFile(path, silent);
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setTimeout(resolve, 5));
      inside--;
      await lock.release();
    };
    await Promise.all(Array.from({ length: 4 }, enter));
    expect(most).toBe(1);
  });
});

/** Mounts a file system for a test; undefined, with the reason printed, where that is not permitted. */
function mounted(...options: string[]): string | undefined {
  const folder = newFolder();
  try {
    execFileSync("mount", [...options, folder], { stdio: "pipe" });
    return folder;
  } catch (error) {
    console.log(`skipped: mounting is not permitted here (${(error as Error).message.split("\n")[0]})`);
    return undefined;
  }
}

describe("disks that refuse", () => {
  const mounts: string[] = [];
  afterAll(() => {
    for (const folder of mounts) execFileSync("umount", [folder]);
  });

  it("a full disk: CMMD401, and the rest stays", async (context) => {
    const folder = mounted("-t", "tmpfs", "-o", "size=256k", "tmpfs");
    if (!folder) return context.skip();
    mounts.push(folder);
    const store = new Store(folder);
    const work = await store.begin("s", "k", { stage: "s" });
    const big = { x: { shape: [1 << 20], data: new Float32Array(1 << 20) } };
    const error = await writeSafetensors(join(work, "x.safetensors"), big).catch((thrown: unknown) => thrown);
    expect(explainFileError(error, folder)).toMatchObject({
      code: "CMMD401",
      message: expect.stringContaining(folder),
    });
    expect(store.hasPartial("s", "k")).toBe(true);
    await expect(store.begin("s", "k2", { text: "x".repeat(300_000) })).rejects.toMatchObject({ code: "CMMD401" });
  });

  it("a read-only file system: CMMD402", async (context) => {
    const folder = mounted("-t", "tmpfs", "-o", "ro", "tmpfs");
    if (!folder) return context.skip();
    mounts.push(folder);
    await expect(new Store(folder).begin("s", "k", {})).rejects.toMatchObject({ code: "CMMD402" });
  });

  it("a file where the store should be: CMMD404", async () => {
    const file = join(newFolder(), "store");
    writeFileSync(file, "");
    await expect(new Store(file).begin("s", "k", {})).rejects.toMatchObject({ code: "CMMD404" });
    await expect(new Store(file).lock("s", "k", silent)).rejects.toMatchObject({ code: "CMMD404" });
  });

  it("errors that are not the file system's stay as they are", () => {
    const error = new TypeError("x");
    expect(explainFileError(error, "/")).toBe(error);
  });
});
