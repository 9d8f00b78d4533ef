/**
 * Runs tfjs-core's own tests on backend "jit" and on tfjs's "cpu":
 *
 *   node tools/tfjs-operator-tests/run.js <checkout of tensorflow/tfjs> [--only part-of-file-name]
 *
 * Without --only, docs/tfjs-operator-tests.md is written.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { bundleTests, testFiles } from "./bundle.js";
import { compare, markdown, summary } from "./report.js";

const { positionals, values } = parseArgs({ allowPositionals: true, options: { only: { type: "string" } } });
const [checkout] = positionals;
if (checkout === undefined) {
  console.error(
    "usage: node tools/tfjs-operator-tests/run.js <checkout of tensorflow/tfjs> [--only part-of-file-name]",
  );
  process.exit(2);
}

const repository = fileURLToPath(new URL("../../", import.meta.url));
// Inside node_modules, so that the bundle finds what it does not contain.
const folder = mkdtempSync(join(repository, "node_modules", ".tfjs-operator-tests-"));
try {
  const bundle = await bundleTests(checkout, testFiles(checkout, values.only), folder);
  const [jit, cpu] = ["jit", "cpu"].map((backend) => {
    const results = join(folder, `${backend}.json`);
    const { status } = spawnSync(
      process.execPath,
      [fileURLToPath(new URL("execute.js", import.meta.url)), bundle, results],
      { env: { ...process.env, TFJS_TEST_BACKEND: backend }, stdio: ["ignore", "ignore", "inherit"] },
    );
    if (status !== 0) throw new Error(`the tests on backend ${backend} ended with status ${status}`);
    return JSON.parse(readFileSync(results, "utf8"));
  });
  const outcomes = compare(jit, cpu);
  if (values.only === undefined) writeFileSync(join(repository, "docs", "tfjs-operator-tests.md"), markdown(outcomes));
  console.log(summary(outcomes, values.only !== undefined));
} finally {
  rmSync(folder, { recursive: true });
}
