/**
 * Stable Diffusion's autoencoder at its published widths, with the random weights of the reference script.
 *
 *   python bench/reference/autoencoder_kl.py --full FILE
 *   node bench/autoencoder.js FILE                                 # greatest differences from diffusers; ends with 1 above 1e-4
 *   node bench/autoencoder.js FILE decode 512 1000                 # a picture of 512x512 within 1000 MB: seconds, memory
 *
 * Prints JSON lines. Memory is what the process's peak grows by from before the network is opened, its weights included. Built packages only.
 */
import { openSafetensors, stream } from "../packages/core/dist/index.js";
import { jit } from "../packages/jit/dist/index.js";
import { readWeights } from "../packages/plugin-cmmd/dist/autoencoder/weights.js";
import { sdVae } from "../packages/plugin-cmmd/dist/sd-vae/autoencoder.js";
import { currentName, klDecoder, klEncoder, stableDiffusion } from "../packages/plugin-cmmd/dist/sd-vae/network.js";

const [path, direction, side = "512", memory = "4000"] = process.argv.slice(2);
const print = (line) => console.log(JSON.stringify(line));

async function parity() {
  const golden = await openSafetensors(path);
  const cases = [
    { of: "image", to: "mean", network: klEncoder, apply: (n, w, x) => n.apply(w, x.mul(2).sub(1)).split(2, 3)[0] },
    { of: "latents", to: "decoded", network: klDecoder, apply: (n, w, x) => n.apply(w, x).div(2).add(0.5) },
  ];
  for (const { of, to, network, apply } of cases) {
    const built = network(stableDiffusion);
    const program = jit((w, x) => apply(built, w, x), { freeze: [0], name: to });
    const weights = await readWeights(path, built.shapes, currentName);
    const result = await (await program(weights, await golden.read(`golden.${of}`))).read();
    const expected = await golden.read(`golden.${to}`);
    const difference = expected.data.reduce((most, value, i) => Math.max(most, Math.abs(value - result.data[i])), 0);
    print({ of, to, shape: expected.shape, greatest_difference: difference });
    if (difference > 1e-4) process.exitCode = 1;
    await program.dispose();
  }
}

async function measure() {
  const size = Number(side);
  const context = {
    computing: {},
    signal: new AbortController().signal,
    weights: async (source) => source,
    random: (purpose, ...counters) => stream(7, purpose, ...counters),
    log: (message) => print({ message }),
  };
  const options = { weights: path, encode: "mean", batch: 1, memory_mb: Number(memory) };
  const autoencoder = await sdVae.open(undefined, options, context);
  const compute = (height) => {
    if (direction === "decode")
      return autoencoder.decode(stream(7, "latents").normal((height / 8) ** 2 * 4), 1, height, height);
    const data = Uint8Array.from({ length: height ** 2 * 3 }, (_, i) => 127 + 100 * Math.sin(i / 400));
    return autoencoder.encode({ count: 1, height, width: height, data });
  };
  const peak = () => process.resourceUsage().maxRSS / 1024;
  // What loading the runtime takes is the process's own.
  const nothing = jit((x) => x.add(1), { name: "nothing" });
  await nothing({ shape: [1], data: Float32Array.of(1) });
  await nothing.dispose();
  const before = process.memoryUsage().rss / 2 ** 20;
  for (const run of [1, 2]) {
    const start = performance.now();
    await compute(size);
    const seconds = (performance.now() - start) / 1000;
    print({
      direction,
      side: size,
      memory_mb: Number(memory),
      run,
      seconds,
      grown_mb: peak() - before,
      peak_mb: peak(),
    });
  }
  await autoencoder.dispose();
}

await (direction ? measure() : parity());
