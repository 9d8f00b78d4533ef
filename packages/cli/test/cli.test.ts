import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { bin, cmmd, demo, jsonLines } from "./process.js";

/** The demo with fewer clips, in a folder of its own. */
function smallDemo(train = 2): string {
  const folder = mkdtempSync(join(tmpdir(), "cmmd-cli-"));
  cpSync(demo, join(folder, "demo.yaml"));
  writeFileSync(
    join(folder, "small.yaml"),
    `extends: demo.yaml\nname: small\ndata: { clips: { train: ${train}, test: 1 } }\n`,
  );
  return folder;
}

describe("usage", () => {
  it("help names every command", async () => {
    const { code, out } = await cmmd(["--help"]);
    expect(code).toBe(0);
    for (const name of ["run", "plan", "validate", "show", "why", "schema"])
      expect(out).toMatch(new RegExp(`^  ${name} `, "m"));
  });

  const mistakes: readonly (readonly [readonly string[], RegExp])[] = [
    [["rnu", demo], /no command "rnu"\nDid you mean "cmmd run"\?/],
    [["run"], /Missing 1 required arg/],
    [["run", demo, "--bogus"], /Nonexistent flag: --bogus/],
    [["run", demo, "--device", "gpu"], /--device=gpu/],
    [["run", demo, "trian"], /CMMD420 unknown stage "trian"\n {2}Did you mean "train"\?/],
    [["validate", demo, "train"], /Unexpected argument: train/],
    [["run", "absent.yaml"], /CMMD101 .*absent\.yaml/],
  ];
  it.each(mistakes)("%j exits with 2", async (argv, message) => {
    const { code, out, err } = await cmmd(argv);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toMatch(message);
  });

  it("an installation that is not built says what to run", async () => {
    const folder = mkdtempSync(join(tmpdir(), "cmmd-bin-"));
    mkdirSync(join(folder, "bin"));
    cpSync(bin, join(folder, "bin", "cmmd.js"));
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    const { code, err } = await cmmd(["--help"], { bin: join(folder, "bin", "cmmd.js") });
    expect(code).toBe(2);
    expect(err).toMatch(/npm ci && npm run build/);
  });
});

describe("validation", () => {
  const folder = smallDemo();
  const path = join(folder, "wrong.yaml");
  writeFileSync(path, "extends: demo.yaml\ntrain:\n  stepz: 3\n  batch: many\nlatents: { use: pca }\n");

  it("shows all mistakes at once, each with its place", async () => {
    const { code, err } = await cmmd(["validate", "wrong.yaml"], { cwd: folder });
    expect(code).toBe(2);
    for (const place of ["wrong.yaml:3:3", "wrong.yaml:4:10", "wrong.yaml:5:17"]) expect(err).toContain(place);
    expect(err).toMatch(/ 3 │ {3}stepz: 3\n +│ {3}\^{5}/);
    expect(err).toMatch(/Did you mean "steps"\?/);
  });

  it("prints one object per mistake as JSON", async () => {
    const { code, out, err } = await cmmd(["run", path, "--json"]);
    expect([code, err]).toEqual([2, ""]);
    const lines = jsonLines(out);
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatchObject({
      type: "error",
      code: "CMMD201",
      place: { file: path, line: 3, column: 3, length: 5 },
    });
  });

  it("what `show` prints is a pipeline that shows the same", async () => {
    const first = await cmmd(["show", demo, "train.steps=5"]);
    expect(first.out).toMatch(/steps: 5/);
    const again = join(folder, "demo2.yaml");
    writeFileSync(again, first.out);
    expect(await cmmd(["show", again])).toEqual(first);
  });

  it("prints the schema of pipelines", async () => {
    const { out } = await cmmd(["schema"]);
    expect(JSON.parse(out)).toMatchObject({ $schema: "http://json-schema.org/draft-07/schema#" });
    // Stale: run `npx cmmd schema > schemas/pipeline.schema.json`.
    const kept = readFileSync(new URL("../../../schemas/pipeline.schema.json", import.meta.url), "utf8");
    expect(JSON.parse(kept)).toEqual(JSON.parse(out));
  });
});

describe("run", () => {
  it("computes, then nothing, then what changed, and says why", async () => {
    const cwd = smallDemo();
    const first = await cmmd(["run", "small.yaml", "prepare"], { cwd });
    expect(first).toMatchObject({ code: 0 });
    expect(first.out).toMatch(/^prepare: begins \(not computed before\)$/m);
    expect(first.out).toMatch(/^in all +\d/m);
    expect(readdirSync(join(cwd, ".cmmd", "store")).sort()).toEqual(["prepare", "render"]);

    const second = await cmmd(["run", "small.yaml", "prepare"], { cwd });
    expect([second.code, second.out]).toEqual([0, "Nothing was computed: every result is in the store.\n"]);

    const changed = ["small.yaml", "prepare", "prepare.video.2.size=128"];
    const planned = await cmmd(["plan", ...changed], { cwd });
    expect(planned.out).toMatch(/^render +in the store/m);
    expect(planned.out).toMatch(/^prepare +compute +[0-9a-f]{8} +prepare\.video\.2\.size: 64 -> 128$/m);
    expect(planned.out).toMatch(/^train +not needed/m);
    const why = await cmmd(["why", ...changed], { cwd });
    expect(why.out).toMatch(
      /render: nothing changed\nprepare: changed since the last run; will be computed\n {2}prepare\.video\.2\.size: 64 -> 128\n/,
    );

    const third = await cmmd(["run", ...changed, "--json"], { cwd });
    const lines = jsonLines(third.out);
    expect(lines.filter(({ type }) => type === "stage").map(({ stage, state }) => `${stage} ${state}`)).toEqual([
      "render hit",
      "prepare start",
      "prepare done",
    ]);
    expect(lines.at(-1)).toMatchObject({ type: "run", state: "done", computed: 1 });
  });

  it("exits with 130 on Ctrl-C, says how to go on, and goes on", async () => {
    const cwd = smallDemo(12);
    const stopped = await cmmd(["run", "small.yaml", "prepare", "--json"], {
      cwd,
      stop: { at: /"done":1,/, signal: "SIGINT" },
    });
    expect(stopped.code).toBe(130);
    expect(jsonLines(stopped.out).at(-1)).toMatchObject({ type: "run", state: "interrupted" });
    const text = await cmmd(["run", "small.yaml", "prepare"], { cwd, stop: { at: /begins/, signal: "SIGINT" } });
    expect(text.code).toBe(130);
    expect(text.err).toMatch(/go on with: cmmd run small\.yaml prepare$/m);
    const next = await cmmd(["run", "small.yaml", "prepare"], { cwd });
    expect(next.code).toBe(0);
    expect(next.out).toMatch(/begins \(continues an interrupted run\)/);
  });

  it("fails clearly when the store cannot be one", async () => {
    const cwd = smallDemo();
    writeFileSync(join(cwd, "store"), "");
    const text = await cmmd(["run", "small.yaml", "render", "--store", "store"], { cwd });
    expect(text.code).toBe(1);
    expect(text.err).toMatch(/CMMD404 .*a file where a folder is needed.*\n.*--store/);
    const json = await cmmd(["run", "small.yaml", "render", "--store", "store", "--json"], { cwd });
    expect(json.code).toBe(1);
    expect(jsonLines(json.out).at(-1)).toMatchObject({ type: "error", code: "CMMD404" });
    expect(readFileSync(join(cwd, "store"), "utf8")).toBe("");
  });

  it("names a bug as one, with its place in the code and where to report it", async () => {
    const cwd = smallDemo();
    writeFileSync(
      join(cwd, "bad.ts"),
      `import { defineDataset, definePlugin } from "@cmmd/core";
       import { Type } from "@sinclair/typebox";
       const bad = defineDataset({
         summary: "Fails.", options: Type.Object({}), renders: true,
         async render() { throw new TypeError("cannot read the moon"); },
         async *clips() {},
       });
       export default definePlugin({ name: "bad", datasets: { bad } });`,
    );
    writeFileSync(join(cwd, "bad.yaml"), "extends: demo.yaml\nplugins: [./bad.ts]\ndata: { use: bad }\n");
    const { code, err } = await cmmd(["run", "bad.yaml"], { cwd });
    expect(code).toBe(1);
    expect(err).toMatch(/^internal: TypeError: cannot read the moon\n.*bad\.ts:5/);
    expect(err).toMatch(/report it with these lines/);
  });
});
