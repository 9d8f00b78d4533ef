import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";

/** These tests start and kill processes that run the built package. */
const main = fileURLToPath(new URL("./fixtures/main.js", import.meta.url));
const newStore = () => mkdtempSync(join(tmpdir(), "cmmd-run-"));
const defaults = { items: 24, pause: 5, trouble: "none" };

interface Line {
  readonly type: string;
  readonly stage?: string;
  readonly state?: string;
  readonly [field: string]: unknown;
}

class Process {
  readonly child: ChildProcess;
  readonly lines: Line[] = [];
  readonly ended: Promise<void>;
  stderr = "";
  #listeners: (() => void)[] = [];

  constructor(store: string, options: object) {
    this.child = spawn(process.execPath, [main, store, JSON.stringify({ ...defaults, ...options })]);
    let rest = "";
    this.child.stdout!.on("data", (chunk) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      this.lines.push(...lines.map((line) => JSON.parse(line) as Line));
      for (const listener of this.#listeners) listener();
    });
    this.child.stderr!.on("data", (chunk) => {
      this.stderr += chunk;
    });
    this.ended = new Promise((resolve) => this.child.once("close", () => resolve()));
  }

  /** Resolves when a line fits, or the process ends without one. */
  async until(fits: (line: Line) => boolean): Promise<Line | undefined> {
    const seen = new Promise<void>((resolve) => {
      const look = () => this.lines.some(fits) && resolve();
      this.#listeners.push(look);
      look();
    });
    await Promise.race([seen, this.ended]);
    return this.lines.find(fits);
  }

  async result(): Promise<Line> {
    await this.ended;
    const line = this.lines.find(({ type }) => type === "result");
    if (!line) throw new Error(`no result: ${this.stderr}`);
    return line;
  }
}

/** Hashes of all files of the finished artifacts. */
function artifacts(store: string): Record<string, string> {
  const root = join(store, "store");
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(join(root, name)).isFile(),
  );
  return Object.fromEntries(
    files.sort().map((name) => [
      name,
      createHash("sha256")
        .update(readFileSync(join(root, name)))
        .digest("hex"),
    ]),
  );
}

const isItem = (at: number) => (line: Line) => line.type === "progress" && (line.done as number) >= at;
const states = ({ lines }: Process) =>
  lines.filter(({ type }) => type === "stage").map(({ stage, state }) => `${stage} ${state}`);

describe("runPlan", () => {
  it("computes, records, and computes nothing the second time", async () => {
    const store = newStore();
    const first = new Process(store, {});
    expect(await first.result()).toMatchObject({ state: "done", computed: 2 });
    expect(states(first)).toEqual(["draw start", "draw done", "sum start", "sum done"]);
    expect(first.lines.filter(({ message }) => message === "only numbers")).toHaveLength(1);
    const artifact = first.lines.find(({ type }) => type === "artifact")!;
    const total = Number(readFileSync(artifact.path as string, "utf8"));
    const second = new Process(store, {});
    const { record } = (await second.result()) as unknown as { record: { id: string; stages: { summary: object }[] } };
    expect(states(second)).toEqual(["draw hit", "sum hit"]);
    expect(second.lines.find(({ type }) => type === "artifact")).toEqual(artifact);
    expect(record.stages.map(({ summary }) => summary)).toEqual([{ items: 24 }, { total }]);
    const runs = readdirSync(join(store, "runs", "counting"));
    expect(runs).toHaveLength(2);
    expect(JSON.parse(readFileSync(join(store, "runs", "counting", record.id, "run.json"), "utf8"))).toEqual(record);
  });

  it("leaves the same bytes after kills -9 in the middle of a stage", async () => {
    const straight = newStore();
    await new Process(straight, {}).result();
    const killed = newStore();
    for (const at of [3, 9, 15, 22]) {
      const one = new Process(killed, { pause: 15 });
      await one.until(isItem(at));
      one.child.kill("SIGKILL");
      await one.ended;
      expect(one.lines.some(({ type }) => type === "result")).toBe(false);
    }
    const last = new Process(killed, {});
    expect(await last.result()).toMatchObject({ state: "done" });
    expect(last.lines.find(({ stage, state }) => stage === "draw" && state === "start")!.reason).toMatch(/continues/);
    expect(artifacts(killed)).toEqual(artifacts(straight));
  });

  it.each(["SIGINT while it yields", "busy", "deaf"])("stops on an interrupt and goes on later: %s", async (how) => {
    const trouble = how.startsWith("SIGINT") ? "none" : how;
    const store = newStore();
    const one = new Process(store, trouble === "none" ? { pause: 100 } : { trouble });
    await one.until(trouble === "none" ? isItem(5) : ({ stage, state }) => stage === "sum" && state === "start");
    one.child.kill("SIGINT");
    expect(await one.result()).toMatchObject({ state: "interrupted" });
    expect(one.child.exitCode).toBe(0);
    expect(states(one).at(-1)).toMatch(/interrupted$/);
    const next = new Process(store, {});
    expect(await next.result()).toMatchObject({ state: "done" });
    expect(readdirSync(join(store, "store", "draw")).filter((name) => name.includes("."))).toEqual([]);
  });

  it("lets a second run wait for the first, by process number, and use its result", async () => {
    const store = newStore();
    const first = new Process(store, { pause: 60 });
    await first.until(({ state }) => state === "start");
    const second = new Process(store, { pause: 60 });
    const waits = await second.until(({ type }) => type === "log");
    expect(waits!.message).toMatch(new RegExp(`waits for process ${first.child.pid} `));
    const [a, b] = [await first.result(), await second.result()];
    expect([a.state, b.state]).toEqual(["done", "done"]);
    expect(states(second)[0]).toBe("draw hit");
    expect((a.computed as number) + (b.computed as number)).toBe(2);
  });

  it("takes over what a killed process was computing", async () => {
    const store = newStore();
    const first = new Process(store, { pause: 60 });
    await first.until(isItem(2));
    const second = new Process(store, {});
    await second.until(({ type }) => type === "log");
    first.child.kill("SIGKILL");
    expect(await second.result()).toMatchObject({ state: "done", computed: 2 });
  });

  it("hands over errors with code and hint, and keeps what succeeded", async () => {
    const store = newStore();
    const coded = new Process(store, { trouble: "coded" });
    expect(await coded.result()).toMatchObject({
      state: "failed",
      computed: 1,
      error: { code: "CMMD521", coded: true, hint: "Lower the rate." },
    });
    expect(states(coded)).toEqual(["draw start", "draw done", "sum start", "sum failed"]);
    const bug = await new Process(store, { trouble: "bug" }).result();
    expect(bug).toMatchObject({ state: "failed", computed: 0, error: { coded: false } });
    expect((bug.error as { message: string }).message).toMatch(/property/);
    const crash = await new Process(store, { trouble: "crash" }).result();
    expect(crash).toMatchObject({ state: "failed", error: { message: expect.stringMatching(/code 7/) } });
  });

  describe("on a full disk", () => {
    const folder = newStore();
    let mounted = false;
    afterAll(() => {
      if (mounted) execFileSync("umount", [folder]);
    });
    it("fails with CMMD401 and what to do", async (context) => {
      try {
        execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], { stdio: "pipe" });
        mounted = true;
      } catch {
        console.log("skipped: mounting is not permitted here");
        return context.skip();
      }
      const full = await new Process(folder, { trouble: "full" }).result();
      expect(full).toMatchObject({ state: "failed", computed: 1, error: { code: "CMMD401" } });
      expect((full.error as { hint: string }).hint).toMatch(/--store/);
    });
  });
});
