import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { CmmdErrors } from "../errors.js";
import { parsePipeline } from "../pipeline/parse.js";
import { loadRegistry } from "./registry.js";

const root = mkdtempSync(join(tmpdir(), "cmmd-registry-"));
let made = 0;

/** Writes files into a fresh folder and returns it. */
function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = join(root, String(made++));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

const sampler = (name: string, body: string) => `import { definePlugin, defineSampler } from "@cmmd/core";
import { Type } from "@sinclair/typebox";
const evaluations: (options: { steps: number }) => number = ({ steps }) => steps;
export default definePlugin({
  name: "${name}",
  samplers: {
    euler: defineSampler({
      summary: "One step after the other.",
      options: Type.Object({ steps: Type.Integer({ default: 10 }) }),
      ${body}
    }),
  },
});
`;
const inPlace = "evaluations, sample: async (_options, _predict, x) => x,";

/** A package as npm installs it, reachable by "import" alone. */
function packageOf(name: string, entry: string): Record<string, string> {
  const manifest = { name, version: "1.0.0", type: "module", exports: { ".": { import: "./dist/index.js" } } };
  return {
    [`node_modules/${name}/package.json`]: JSON.stringify(manifest),
    [`node_modules/${name}/dist/index.js`]: entry,
  };
}

async function problems(folder: string, plugins: readonly string[]) {
  const error: unknown = await loadRegistry({ builtins: [], plugins, base: folder }).catch((reason: unknown) => reason);
  if (!(error instanceof CmmdErrors)) throw error;
  return error.errors.map(({ code, message }) => `${code} ${message.replaceAll(folder, "<folder>")}`);
}

test("a local TypeScript file is a plugin, wherever it stands", async () => {
  const folder = folderOf({ "plugin.ts": sampler("mine", inPlace) });
  const registry = await loadRegistry({ builtins: [], plugins: [join(folder, "plugin.ts")], base: folder });
  expect(registry.names("samplers")).toEqual(["euler"]);
  expect(registry.get("samplers", "euler")).toMatchObject({ kind: "samplers", name: "euler", plugin: "mine" });
  const { evaluations } = await registry.implementation("samplers", "euler");
  expect(evaluations({ steps: 7 })).toBe(7);
});

test("what is behind `load` comes over what is in place, once", async () => {
  const folder = folderOf({
    "plugin.ts": sampler("lazy", `load: async () => (await import("./body.ts")).body,`),
    "body.ts":
      "let loads = 0;\nexport const body = { evaluations: () => ++loads, sample: async (_o: unknown, _p: unknown, x: unknown) => x };\n",
  });
  const registry = await loadRegistry({ builtins: [], plugins: [join(folder, "plugin.ts")], base: folder });
  const [first, second] = await Promise.all([1, 2].map(() => registry.implementation("samplers", "euler")));
  expect(first).toBe(second);
});

test("a package is found from the pipeline's folder", async () => {
  const text = `export default { name: "pack", metrics: { m: { summary: "s", options: { type: "object", properties: {} }, compute() {} } } };`;
  const folder = folderOf({ ...packageOf("pack", text), "deep/pipeline.yaml": "" });
  // A schema that TypeBox did not make is refused, so the package was found and read.
  expect(await problems(join(folder, "deep"), ["pack"])).toEqual([
    'CMMD253 [plugin pack] metrics "m" has no options schema',
  ]);
});

test("everything that can be wrong with a plugin is told, with the plugin's name", async () => {
  const folder = folderOf({
    ...packageOf("throws", `throw new Error("boom");`),
    "no-default.mjs": "export const a = 1;",
    "no-name.mjs": "export default {};",
    "kinds.mjs": `export default { name: "kinds", sampler: {}, metrics: 3, losses: { a: 1 } };`,
    "options.ts": sampler("options", inPlace).replace("samplers", "losses").replace("steps: Type", "from: Type"),
    "syntax.mjs": "export default {",
    "plugin.txt": "",
  });
  const files = ["no-default.mjs", "no-name.mjs", "kinds.mjs", "options.ts", "syntax.mjs", "plugin.txt", "gone.ts"];
  const found = await problems(folder, ["absent-package", "throws", ...files.map((file) => join(folder, file))]);
  expect(found).toEqual([
    "CMMD250 [plugin absent-package] is not installed",
    "CMMD251 [plugin throws] fails when it is loaded: boom",
    "CMMD252 [plugin <folder>/no-default.mjs] has no default export",
    "CMMD252 [plugin <folder>/no-name.mjs] has no name",
    'CMMD252 [plugin kinds] "sampler" is not a kind of component',
    'CMMD252 [plugin kinds] "metrics" must be an object of components by name',
    'CMMD253 [plugin kinds] losses "a" is not an object',
    'CMMD255 [plugin options] losses "euler" has an option "from", which the pipeline itself reads',
    'CMMD253 [plugin options] losses "euler" lacks describe, value',
    expect.stringMatching(/^CMMD251 \[plugin <folder>\/syntax.mjs\] fails when it is loaded/),
    "CMMD250 [plugin <folder>/plugin.txt] is not a .ts or .js file",
    "CMMD250 [plugin <folder>/gone.ts] there is no such file",
  ]);
});

test("two plugins may not bring the same component or have the same name", async () => {
  const folder = folderOf({
    "a.ts": sampler("a", inPlace),
    "b.ts": sampler("b", inPlace),
    "c.ts": sampler("a", inPlace).replace("euler", "heun"),
  });
  const [a, b, c] = ["a.ts", "b.ts", "c.ts"].map((file) => join(folder, file)) as [string, string, string];
  expect(await problems(folder, [a, b])).toEqual([
    'CMMD254 [plugin b] samplers "euler" is already provided by the plugin a',
  ]);
  expect(await problems(folder, [a, c])).toEqual([
    "CMMD254 [plugin a] another plugin of this name was loaded from <folder>/a.ts",
  ]);
  expect((await loadRegistry({ builtins: [], plugins: [a, a], base: folder })).plugins()).toHaveLength(1);
});

test("a pipeline's own plugins are loaded, and what is wrong with them is placed where they are named", async () => {
  const folder = folderOf({
    "mine.ts": sampler("mine", inPlace),
    "p.yaml": "cmmd: 1\nplugins: [./mine.ts, ./gone.ts]\nevaluate: [unknown-metric]\n",
  });
  const registry = await loadRegistry({ builtins: [], plugins: [], base: folder });
  const error = (await parsePipeline(join(folder, "p.yaml"), { overrides: [], env: {}, registry }).catch(
    (reason: unknown) => reason,
  )) as CmmdErrors;
  const plugin = error.errors.filter(({ code }) => code === "CMMD250");
  expect(plugin).toMatchObject([{ place: { file: join(folder, "p.yaml"), line: 2, column: 22, length: 9 } }]);
  // Whether the unknown metric is the missing plugin's cannot be told.
  expect(error.errors.some(({ code }) => code === "CMMD203")).toBe(false);
});

test("a component that fails to load says whose it is", async () => {
  const folder = folderOf({ "p.ts": sampler("late", `load: () => import("./absent.ts"),`) });
  const registry = await loadRegistry({ builtins: [], plugins: [join(folder, "p.ts")], base: folder });
  await expect(registry.implementation("samplers", "euler")).rejects.toMatchObject({
    code: "CMMD256",
    message: expect.stringContaining('[plugin late] samplers "euler"'),
  });
  await expect(registry.implementation("samplers", "eulr")).rejects.toMatchObject({
    code: "CMMD203",
    hint: 'Did you mean "euler"?',
  });
});
