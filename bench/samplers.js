/**
 * How far fewer network evaluations come: the clips that each sampler makes with one trained model, by their Frechet distance to real clips,
 * beside those of DDIM with 200 steps. All begin with the same noise and are made of the same clips.
 *
 *   node bench/samplers.js [PIPELINE] [--store DIR] [--clips 48] [--samplers dpm-solver++,heun] [--guidance '{ use: replacement }']
 *
 * Needs `npm run build`. PIPELINE is pipelines/demo.yaml when absent; it is trained first unless the store has it trained (the pipeline's .cmmd, or
 * --store). Prints one JSON line per sampler: network evaluations per clip, the distance, and its ratio to DDIM's. The target is a ratio of at most
 * 1.05 for dpm-solver++ at 20 steps; ends with 1 when it is missed.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    store: { type: "string" },
    clips: { type: "string", default: "48" },
    samplers: { type: "string" },
    /** The demo's own. Stronger guidance asks for more steps: with the default weight of 2, 20 of them are not enough. */
    guidance: { type: "string", default: "{ use: reconstruction, weight: 0.1 }" },
  },
});
const root = join(import.meta.dirname, "..");
const pipeline = resolve(positionals[0] ?? join(root, "pipelines/demo.yaml"));
const store = resolve(flags.store ?? join(dirname(pipeline), ".cmmd"));
const target = { name: "dpm-solver++ 20", ratio: 1.05 };

/** YAML of each sampler, and how often it asks the network. */
const samplers = {
  "ddim 200": ["{ use: ddim, steps: 200 }", 200],
  "ddim 20": ["{ use: ddim, steps: 20 }", 20],
  "ddpm 200": ["{ use: ddpm, steps: 200 }", 200],
  "dpm-solver++ 10": ["{ use: dpm-solver++, steps: 10 }", 10],
  "dpm-solver++ 20": ["{ use: dpm-solver++, steps: 20 }", 20],
  "dpm-solver++ 20 log-snr": ["{ use: dpm-solver++, steps: 20, spacing: log-snr }", 20],
  "heun 18": ["{ use: heun, steps: 18 }", 35],
};
const wanted = flags.samplers?.split(",");
const chosen = Object.entries(samplers).filter(
  ([name]) => name === "ddim 200" || !wanted || wanted.some((word) => name.startsWith(word)),
);
const groupOf = (name) => name.replaceAll(/[^a-z0-9]+/g, "-");

const folder = mkdtempSync(join(tmpdir(), "cmmd-samplers-"));
const name = "bench_samplers";
const file = join(folder, `${name}.yaml`);
const groups = chosen.flatMap(([sampler, [yaml]]) => [
  "  - task: v2a",
  `    name: ${groupOf(sampler)}`,
  `    count: ${flags.clips}`,
  "    batch: 8",
  `    sampler: ${yaml}`,
  `    guidance: ${flags.guidance}`,
]);
writeFileSync(
  file,
  ["cmmd: 1", `extends: ${pipeline}`, `name: ${name}`, "generate:", ...groups, "evaluate: [frechet-log-mel]", ""].join(
    "\n",
  ),
);

try {
  const cli = join(root, "packages/cli/bin/cmmd.js");
  const { status } = spawnSync(process.execPath, [cli, "run", file, "evaluate", "--store", store], {
    stdio: ["ignore", 2, 2],
  });
  if (status !== 0) process.exit(status ?? 1);
  const runs = join(store, "runs", name);
  const newest = readdirSync(runs).sort().at(-1);
  const { stages } = JSON.parse(readFileSync(join(runs, newest, "run.json"), "utf8"));
  const { summary } = stages.find(({ stage }) => stage === "evaluate");
  const distanceOf = (sampler) => {
    const keys = Object.keys(summary).filter((key) => key.startsWith(`${groupOf(sampler)}/`) && !key.endsWith(")"));
    return summary[keys[0]];
  };
  const reference = distanceOf("ddim 200");
  for (const [sampler, [, evaluations]] of chosen) {
    const distance = distanceOf(sampler);
    const ratio = distance / reference;
    console.log(
      JSON.stringify({
        bench: `Frechet distance, ${sampler}`,
        evaluations,
        distance: Number(distance.toPrecision(4)),
        ratio: Number(ratio.toPrecision(4)),
      }),
    );
    if (sampler === target.name && ratio > target.ratio) {
      console.error(`${sampler}: ${((ratio - 1) * 100).toFixed(1)} % above DDIM with 200 steps, more than 5 %`);
      process.exitCode = 1;
    }
  }
} finally {
  rmSync(folder, { recursive: true });
}
