/** tfjs-core's tests as one module that uses the installed tfjs-core and the sources of @cmmd/jit, so that there is one engine. */
import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const repository = fileURLToPath(new URL("../../", import.meta.url));
const require = createRequire(import.meta.url);
const installed = join(dirname(require.resolve("@tensorflow/tfjs-core/package.json")), "dist");
const entry = "\0tests";

/** Tests of what a backend has no part in: storage, HTTP, browsers, workers, and the test tools themselves. */
const elsewhere =
  /^(?:io|platforms)\/|^(?:browser|device|hash|jasmine|test)_util_test|worker|^(?:setup|flags|environment)_test/;

/** Files of the checkout's tests, relative to its src folder. `only` is a part of the name. */
export function testFiles(checkout, only = "") {
  const source = join(resolve(checkout), "tfjs-core", "src");
  return readdirSync(source, { recursive: true })
    .map((file) => file.split(sep).join("/"))
    .filter((file) => file.endsWith("_test.ts") && !elsewhere.test(file) && file.includes(only))
    .sort();
}

/** Writes the bundle into `folder` and returns its path. */
export async function bundleTests(checkout, files, folder) {
  const source = join(resolve(checkout), "tfjs-core", "src");
  const dist = (path) =>
    existsSync(`${join(installed, path)}.js`) ? `${join(installed, path)}.js` : join(installed, path, "index.js");
  const bundle = await rolldown({
    input: entry,
    platform: "node",
    tsconfig: false,
    // The packages declare most of their files free of side effects; tests are nothing else.
    treeshake: false,
    external: ["onnxruntime-node"],
    resolve: { mainFields: ["module", "main"], conditionNames: ["source", "import", "module", "default"] },
    logLevel: "silent",
    plugins: [
      {
        name: "one-engine",
        resolveId(id, importer) {
          if (id === entry) return id;
          if (id === "@tensorflow/tfjs-core") return join(installed, "index.js");
          if (id === "@cmmd/jit") return join(repository, "packages/jit/src/index.ts");
          if (id === "#environment") return fileURLToPath(new URL("environment.js", import.meta.url));
          if (!importer?.startsWith(source) || !id.startsWith(".")) return null;
          const path = join(dirname(importer), id);
          return path.endsWith("_test") ? `${path}.ts` : dist(relative(source, path));
        },
        load(id) {
          if (id !== entry) return null;
          const tests = files.map((file) => `import ${JSON.stringify(join(source, file))};`);
          return ['import "@cmmd/jit";', 'import "#environment";', ...tests].join("\n");
        },
        transform(code, id) {
          if (!id.startsWith(source) || !id.endsWith("_test.ts")) return null;
          const name = JSON.stringify(relative(source, id).split(sep).join("/"));
          return { code: `globalThis.testFile = ${name};\n${code}`, map: null };
        },
      },
    ],
  });
  await bundle.write({ dir: folder, format: "es", entryFileNames: "tests.js", codeSplitting: false });
  await bundle.close();
  return join(folder, "tests.js");
}
