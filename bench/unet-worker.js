/** cmmd's side of bench/jit-speed.js: the requests and replies of reference/unet_worker.py, in a process of its own. */
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { figures, formulaInputs } from "./cmmd-unet.js";

/** Multiplications and additions of a graph's matrix products and convolutions. */
function flops(graph) {
  const inner = {
    Gemm: ({ inputs, attributes }) => inputs[0].shape[attributes.transA === 1 ? 0 : 1],
    MatMul: ({ inputs }) => inputs[0].shape.at(-1),
    FusedMatMul: ({ inputs, attributes }) => inputs[0].shape.at(attributes.transA === 1 ? -2 : -1),
    Conv: ({ inputs }) => inputs[1].size / inputs[1].shape[0],
  };
  return graph.nodes.reduce((sum, node) => sum + 2 * (inner[node.op]?.(node) ?? 0) * node.outputs[0].size, 0);
}

const seconds = (from) => (performance.now() - from) / 1000;
let figure;
let args;
let last;

const requests = {
  async prepare({ figure: name, network, size }) {
    ({ args, ...figure } = figures[name](network, formulaInputs(network, size)));
    const start = performance.now();
    await figure.program.prepare(...args);
    return { seconds: seconds(start) };
  },
  async run() {
    const start = performance.now();
    last = await figure.program(...args);
    const elapsed = seconds(start);
    args = figure.next(args, last);
    return { seconds: elapsed };
  },
  async output({ path }) {
    const tensors = await Promise.all(figure.output(last).map((tensor) => tensor.read()));
    writeFileSync(
      path,
      Buffer.concat(tensors.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))),
    );
    return {};
  },
  async graph() {
    const graph = figure.program.lower(...args);
    return { nodes: graph.nodes.length, flops: flops(graph) };
  },
  async memory() {
    return { peak: process.resourceUsage().maxRSS * 1024 };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { do: what, ...request } = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(await requests[what](request))}\n`);
}
