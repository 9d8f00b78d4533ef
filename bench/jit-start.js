/**
 * Seconds from a function to a program that is ready to run: traced, optimised and opened, and the same from the disk cache in a second
 * process. The 106M-parameter network at 16x16 latents, on the built packages.
 *
 *   node bench/jit-start.js [--program forward|guidance|training|weights] [--network paper|demo]
 *
 * Prints one JSON line per start, with a hash of a result that must not depend on the start: ends with 1 when it does. `weights` is a program
 * that takes the network's weights frozen, as the first two do, and only reads a number of each: what a second start takes beyond it is the
 * program's own.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { jit, tf } from "@cmmd/jit";
import { figures, formulaInputs, formulaWeights, networks } from "./cmmd-unet.js";

const { values: flags } = parseArgs({
  options: {
    program: { type: "string" },
    network: { type: "string", default: "paper" },
    /** Set for the processes that measure one start each. */
    cache: { type: "string" },
    start: { type: "string" },
  },
});

const programs = {
  ...figures,
  weights: (network, { n }, settings) => ({
    program: jit(
      (weights, n) => tf.addN([n, ...Object.values(weights).map((weight) => weight.flatten().slice(0, 1))]),
      { name: "weights", freeze: [0], ...settings },
    ),
    args: [formulaWeights(network), n],
    output: (sum) => [sum],
  }),
};

const round = (value) => Number(value.toPrecision(4));

/** One start in this process. */
async function measure() {
  const network = networks[flags.network];
  const cache = { directory: flags.cache, key: JSON.stringify([flags.program, network]) };
  const inputs = formulaInputs(network, flags.network === "paper" ? 16 : 8);
  const { program, args, output } = programs[flags.program](network, inputs, { cache });
  const before = process.cpuUsage();
  const from = performance.now();
  await program.prepare(...args);
  const opened = (performance.now() - from) / 1000;
  const opening = process.cpuUsage(before);
  const { data } = await output(await program(...args))[0].read();
  console.log(
    JSON.stringify({
      bench: `${flags.start} start, ${flags.program}`,
      ours: round(opened),
      cpu: round((opening.user + opening.system) / 1e6),
      result: createHash("sha256").update(new Uint8Array(data.buffer)).digest("hex").slice(0, 12),
    }),
  );
}

if (flags.cache !== undefined) await measure();
else {
  for (const program of flags.program ? [flags.program] : Object.keys(programs)) {
    const cache = mkdtempSync(join(tmpdir(), "cmmd-jit-start-"));
    const results = ["first", "second"].map((start) => {
      const given = ["--program", program, "--network", flags.network, "--cache", cache, "--start", start];
      const { stdout, status, stderr } = spawnSync(process.execPath, [import.meta.filename, ...given], {
        encoding: "utf8",
      });
      if (status !== 0) throw new Error(`the ${start} start of ${program} ended with ${status}: ${stderr}`);
      process.stdout.write(stdout);
      return JSON.parse(stdout).result;
    });
    rmSync(cache, { recursive: true });
    if (results[0] !== results[1]) {
      console.error(`${program}: the second start gives another result`);
      process.exitCode = 1;
    }
  }
}
