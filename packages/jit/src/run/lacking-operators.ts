import { JitError } from "../errors.js";
import { Graph, type Node, Value } from "../ir/graph.js";
import type { Device } from "./device.js";
import { encodeOnnx } from "./onnx.js";
import { lacksOperators, openSession } from "./session.js";

/**
 * JIT303 with the operators that `device` lacks. The runtime says only that it lacks some, so every kind of node in the graph is opened
 * by itself.
 */
export async function explainLacking(cause: unknown, graph: Graph, device: Device): Promise<unknown> {
  if (!lacksOperators(cause)) return cause;
  const loops = graph.nodes.flatMap(({ body }) => body ?? []);
  const nodes = [graph, ...loops].flatMap((part) => part.nodes).filter(({ body }) => body === undefined);
  const kinds = new Map(nodes.map((node) => [kindOf(node), node]));
  const lacking: string[] = [];
  for (const [kind, node] of kinds) if (!(await runs(node, device))) lacking.push(kind);
  if (lacking.length === 0 && loops.length > 0) lacking.push("Loop");
  const which = lacking.length > 0 ? `lacks ${lacking.join(", ")}` : "cannot run this combination of operators";
  return new JitError("JIT303", `program ${graph.name} cannot run on ${device}, which ${which}`, {
    cause,
    hint: "Nothing runs on the CPU unasked: use device cpu, or write the function without these operators.",
  });
}

const kindOf = ({ op, inputs }: Node) => `${op}(${inputs.map(({ dtype }) => dtype).join(", ")})`;

async function runs(node: Node, device: Device): Promise<boolean> {
  const given = node.inputs.map(({ shape, dtype, data }) => new Value(shape, dtype, data));
  const outputs = node.outputs.map(({ shape, dtype }) => new Value(shape, dtype));
  const alone = new Graph(
    node.op,
    given.filter(({ data }) => data === undefined),
    [{ ...node, inputs: given, outputs }],
    outputs,
  );
  const model = { name: node.op, bytes: encodeOnnx(alone), outputs: [], optimised: false };
  try {
    await (await openSession(model, device)).release();
    return true;
  } catch (error) {
    return !lacksOperators(error);
  }
}
