/** Runs a bundle of tests under jasmine and writes [{ file, name, status, message, cpuKernels }] as JSON: node execute.js <bundle> <results> */
import { writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import jasmineCore from "jasmine-core";

const [bundle, results] = process.argv.slice(2);
const jasmine = jasmineCore.boot();
const env = jasmine.getEnv();
env.configure({ random: false, failSpecWithNoExpectations: false });

// The outermost suites carry the file that they are from.
const describe = globalThis.describe;
let depth = 0;
globalThis.describe = (name, body) => {
  const outer = depth === 0 ? `${globalThis.testFile}\n` : "";
  return describe(`${outer}${name}`, () => {
    depth++;
    try {
      body();
    } finally {
      depth--;
    }
  });
};

const specs = [];
env.addReporter({
  specStarted() {
    globalThis.cpuKernels.clear();
  },
  specDone({ fullName, status, failedExpectations }) {
    const [file, name] = fullName.split("\n");
    const message = failedExpectations[0]?.message.split("\n")[0] ?? "";
    specs.push({ file, name, status, message, cpuKernels: [...globalThis.cpuKernels] });
  },
});

await import(pathToFileURL(bundle).href);
await env.execute();
writeFileSync(results, JSON.stringify(specs));
