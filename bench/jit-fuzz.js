/**
 * Random programs of tfjs's operators, compiled by @cmmd/jit, against tfjs's own cpu backend.
 *
 *   node bench/jit-fuzz.js [--count 5000] [--seed N] [--passes off|singly-off]
 *
 * --passes runs every program also without the passes, or with each of them singly off as well, and expects the same of it.
 * Prints failing programs, shrunk, as TypeScript with their seed, then one JSON line. Exits with 1 when there are any.
 */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { createViteServer } from "vitest/node";

const { values: flags } = parseArgs({
  options: {
    count: { type: "string", default: "5000" },
    seed: { type: "string", default: String(randomInt(2 ** 31)) },
    passes: { type: "string" },
  },
});
const [count, seed] = [flags.count, flags.seed].map(Number);

// The generator is TypeScript beside the package's tests; vitest's loader runs it on the sources.
const server = await createViteServer({
  configFile: false,
  root: new URL("..", import.meta.url).pathname,
  server: { middlewareMode: true, watch: null, ws: false },
  optimizeDeps: { noDiscovery: true },
  appType: "custom",
  logLevel: "error",
});
const { fuzz } = await server.ssrLoadModule("/packages/jit/test/fuzz/run.ts");
const start = performance.now();
const { failures, operators, unsupported, ...totals } = await fuzz({ count, seed, passes: flags.passes });
const seconds = (performance.now() - start) / 1000;
await server.close();

for (const failure of failures) console.error(`${failure}\n`);
const line = {
  bench: "jit-fuzz",
  seed,
  ...totals,
  operators: Object.keys(operators).length,
  unsupported,
  failures: failures.length,
  seconds,
};
console.log(JSON.stringify(line));
process.exitCode = failures.length > 0 ? 1 : 0;
