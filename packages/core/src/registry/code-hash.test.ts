import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { tokenizer } from "acorn";
import fc from "fast-check";
import ts from "typescript";
import { expect, test } from "vitest";
import { codeHash, engineHash } from "./code-hash.js";

const root = mkdtempSync(join(tmpdir(), "cmmd-hash-"));
let made = 0;
function write(files: Readonly<Record<string, string>>): string {
  const folder = join(root, String(made++));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}
const hashOf = (code: string, name = "plugin.mjs") => codeHash(join(write({ [name]: code }), name));

const code = `#!/usr/bin/env node
import { a } from "some-package"; // a comment
/** Documentation of f. */
export function f(x, y = /[/*]+/g) {
  const text = \`a // not a comment \${x /* but this */ + 1} b\`;
  return x / 2 / y.lastIndex + text.length + "/* text */".length;
}
`;

test("comments and white space do not count, anything else does", async () => {
  const plain = await hashOf(code);
  expect(plain).toMatch(/^[0-9a-f]{64}$/);
  expect(await hashOf(code.replace("a comment", "another"))).toBe(plain);
  expect(await hashOf(code.replace("/** Documentation of f. */", ""))).toBe(plain);
  expect(await hashOf(code.replaceAll("\n  ", "\n\n\t\t"))).toBe(plain);
  // Stripped by another implementation, the TypeScript scanner.
  const options = {
    removeComments: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    verbatimModuleSyntax: true,
  };
  expect(await hashOf(ts.transpileModule(code, { compilerOptions: options }).outputText)).toBe(plain);
  expect(await hashOf(code.replace("/* text */", "/* Text */"))).not.toBe(plain);
  expect(await hashOf(code.replace("not a comment", "no comment"))).not.toBe(plain);
  expect(await hashOf(code.replace("x / 2", "x / 3"))).not.toBe(plain);
});

test("white space between any two tokens does not count; dropping any token does", async () => {
  const body = code.slice(code.indexOf("\n") + 1);
  const tokens = [...tokenizer(body, { ecmaVersion: "latest", sourceType: "module" })];
  const plain = await hashOf(body);
  const outside = tokens.filter(({ type }) => !/template|\$\{|`/.test(type.label));
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...outside),
      fc.constantFrom(" ", "\t", "/* x */", "\n\n"),
      async (token, space) => {
        const inTemplate = token.start > body.indexOf("`") && token.start < body.lastIndexOf("`");
        const spaced = body.slice(0, token.start) + space + body.slice(token.start);
        // Between the last brace and the text of a template there is no room for white space.
        if (!inTemplate) expect(await hashOf(spaced)).toBe(plain);
        if (token.start < token.end)
          expect(await hashOf(body.slice(0, token.start) + body.slice(token.end))).not.toBe(plain);
      },
    ),
    { numRuns: 50 },
  );
});

test("a package: all of its built code by relative path, not its maps, types or dependencies", async () => {
  const manifest = JSON.stringify({ name: "pack", version: "1.0.0", type: "module", exports: "./dist/index.js" });
  const files = { "package.json": manifest, "dist/index.js": code, "dist/deep/more.js": "export const b = 2;" };
  const installed = (extra: Readonly<Record<string, string>> = {}) => {
    const source = write({ ...files, ...extra });
    const folder = join(root, String(made++));
    cpSync(source, join(folder, "node_modules/pack"), { recursive: true });
    return codeHash("pack", folder);
  };
  const plain = await installed();
  expect(await installed({ "dist/index.d.ts": "export {};", "dist/index.js.map": "{}", "README.md": "x" })).toBe(plain);
  expect(await installed({ "dist/node_modules/other/index.js": "1" })).toBe(plain);
  expect(await installed({ "dist/deep/more.js": "export const b = 3;" })).not.toBe(plain);
  expect(await installed({ "dist/other.js": "" })).not.toBe(plain);
  await expect(codeHash("not-there", root)).rejects.toMatchObject({ code: "CMMD250" });
});

test("a local file: TypeScript too, with the local modules that it imports", async () => {
  const files = {
    "plugin.ts": `import { b } from "./lib/b.js";\nexport const a: number = b; // note\n`,
    "lib/b.ts": "export const b = 1 as const;\n",
    "unrelated.ts": "export {};\n",
  };
  const hash = (changes: Readonly<Record<string, string>> = {}) =>
    codeHash(join(write({ ...files, ...changes }), "plugin.ts"));
  const plain = await hash();
  expect(await hash({ "plugin.ts": files["plugin.ts"].replace(" // note", "") })).toBe(plain);
  expect(await hash({ "unrelated.ts": "export const c = 1;" })).toBe(plain);
  expect(await hash({ "lib/b.ts": "export const b = 2 as const;\n" })).not.toBe(plain);
});

test("code that cannot be read as JavaScript counts as it is", async () => {
  expect(await hashOf("const a = 'b")).not.toBe(await hashOf("const  a = 'b"));
});

test("the engine has a hash of its own that does not change by itself", async () => {
  expect(await engineHash()).toBe(await engineHash());
});
