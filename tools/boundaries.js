// Checks that packages depend on each other in one direction: jit <- core <- plugin-* <- cli, studio; and that no source imports a package it does not declare.
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const layer = (folder) => ({ jit: 0, core: 1, cli: 3, studio: 3 })[folder] ?? 2;

const packages = readdirSync(join(root, "packages")).map((folder) => {
  const manifest = JSON.parse(readFileSync(join(root, "packages", folder, "package.json"), "utf8"));
  return { folder, manifest, layer: layer(folder) };
});
const byName = new Map(packages.map((entry) => [entry.manifest.name, entry]));
const problems = [];

for (const { folder, manifest, layer: own } of packages) {
  const declared = new Set(
    ["dependencies", "optionalDependencies", "peerDependencies"].flatMap((kind) => Object.keys(manifest[kind] ?? {})),
  );
  for (const name of declared) {
    const target = byName.get(name);
    if (target && target.layer >= own)
      problems.push(`packages/${folder}/package.json: depends on ${name}, which is not below it`);
  }
  const source = join(root, "packages", folder, "src");
  for (const file of readdirSync(source, { recursive: true })) {
    if (!/\.ts$/.test(file)) continue;
    const test = /\.test\.ts$/.test(file);
    const text = readFileSync(join(source, file), "utf8");
    for (const [, specifier] of text.matchAll(/(?:from|import)\s*\(?\s*"((?:@[\w-]+\/)?[\w-][\w./:-]*)"/g)) {
      const name = specifier
        .split("/")
        .slice(0, specifier.startsWith("@") ? 2 : 1)
        .join("/");
      if (specifier.startsWith("node:") || builtinModules.includes(name) || declared.has(name) || test) continue;
      problems.push(`packages/${folder}/src/${file}: imports ${name}, which its package.json does not declare`);
    }
  }
}

for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
console.log(`${packages.length} packages, dependencies point one way`);
