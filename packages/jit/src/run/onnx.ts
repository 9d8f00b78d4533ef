import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Attribute, Graph, Node, TensorData, Value } from "../ir/graph.js";
import { anchor } from "../passes/anchors.js";
import { lowerBarriers } from "../passes/barrier.js";
import { schedule } from "../passes/schedule.js";
import {
  bytesOf,
  elementType,
  message,
  string,
  tag,
  writeAttribute,
  writeExternalTensor,
  writeSequenceInfo,
  writeTensor,
  writeValueInfo,
} from "./onnx-proto.js";
import { openViews, shapeInput } from "./open-shapes.js";
import { unreadResult } from "./own-results.js";

const opset = 21;
const irVersion = 10;

/** Attributes of the graph that ONNX takes as constant int64 inputs, in the order of the inputs after the tensors. */
const attributeInputs: Readonly<Record<string, readonly string[]>> = {
  CumSum: ["axis"],
  Expand: ["shape"],
  Pad: ["pads"],
  ReduceMax: ["axes"],
  ReduceMean: ["axes"],
  ReduceMin: ["axes"],
  ReduceProd: ["axes"],
  ReduceSum: ["axes"],
  Reshape: ["shape"],
  Slice: ["starts", "ends", "axes", "steps"],
  Split: ["split"],
  Tile: ["repeats"],
  TopK: ["k"],
};

/** Operators outside the standard: those of com.microsoft that the CPU and the WebGPU provider both have. */
const contributed: ReadonlySet<string> = new Set(["QuickGelu"]);

interface Encoding {
  /** Leaves the shapes of inputs and outputs open. */
  readonly anyShape?: boolean;
  /** The first result is `unreadResult`: the runtime then copies no result. */
  readonly ownResults?: boolean;
  /** Bytes that a graph computes on the way from which shapes of large views are inputs: see open-shapes.ts. None are when absent. */
  readonly open?: number;
  /** For other programs than this one: its own names, the frozen inputs' data inside, nodes in the order that the standard asks for. */
  readonly standard?: {
    readonly inputs: readonly string[];
    readonly outputs: readonly string[];
    /** Data of the frozen inputs, by `i0`, `i1`, ... */
    readonly weights: ReadonlyMap<string, TensorData>;
  };
}

/**
 * The graph as an ONNX model. Inputs are named i0, i1, ..., outputs o0, o1, ... A frozen input is an initialiser whose data are outside:
 * the "file" that has its name.
 */
export function encodeOnnx(graph: Graph, encoding: Encoding = {}): Uint8Array {
  return encodeWithShapes(graph, encoding).bytes;
}

/** The same, and which shapes are inputs when shapes are `open`. */
export function encodeWithShapes(graph: Graph, encoding: Encoding) {
  const shapes = new Map<string, readonly number[]>();
  const model = new BinaryWriter();
  model.uint32(tag(1, WireType.Varint)).int64(irVersion);
  string(model, 2, "@cmmd/jit");
  model.uint32(tag(7, WireType.LengthDelimited)).bytes(encodeGraph(graph, encoding, "", new Map(), shapes));
  const domains = [["", opset] as const, ...(encoding.standard ? [] : [["com.microsoft", 1] as const])];
  for (const [domain, version] of domains) {
    message(model, 8, (w) => {
      string(w, 1, domain);
      w.uint32(tag(2, WireType.Varint)).int64(version);
    });
  }
  return { bytes: model.finish(), shapes: [...shapes.values()] };
}

/** The graph with its nodes in the order in which the runtime is to run them. */
export const inRunOrder = (graph: Graph): Graph => anchor(schedule(lowerBarriers(graph)));

/** GraphProto. The body of a loop has names of its own, by `prefix`, and sees those of the graph around it. */
function encodeGraph(
  given: Graph,
  { anyShape = false, ownResults = false, open, standard }: Encoding,
  prefix: string,
  outer: ReadonlyMap<Value, string>,
  shapes: Map<string, readonly number[]>,
): Uint8Array {
  const graph = prefix === "" ? inRunOrder(given) : schedule(lowerBarriers(given));
  const initialisers = new Map<string, (writer: BinaryWriter) => void>();
  const names = new Map(outer);
  const read = new Set([...graph.nodes.flatMap(({ inputs }) => inputs), ...graph.outputs]);
  graph.inputs.forEach((value, i) => {
    const own = `${prefix}i${i}`;
    const name = standard?.inputs[i] ?? own;
    names.set(value, name);
    if (!value.frozen || !read.has(value)) return;
    const data = standard?.weights.get(own);
    initialisers.set(name, (writer) => {
      if (data) writeTensor(writer, name, elementType[value.dtype], value.shape, bytesOf({ ...value, data } as Value));
      else writeExternalTensor(writer, name, value);
    });
  });
  const constant = (value: Value): string => {
    const name = `${prefix}c${initialisers.size}`;
    initialisers.set(name, (writer) =>
      writeTensor(writer, name, elementType[value.dtype], value.shape, bytesOf(value)),
    );
    names.set(value, name);
    return name;
  };
  const integers = (attribute: Attribute): string => {
    const values = typeof attribute === "number" ? [attribute] : (attribute as readonly number[]);
    const shape = typeof attribute === "number" ? [] : [values.length];
    const name = `${prefix}n${shape.length}_${values.join("_")}`;
    if (!initialisers.has(name)) {
      const data = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
      initialisers.set(name, (writer) => writeTensor(writer, name, elementType.int64, shape, data));
    }
    return name;
  };
  const use = (value: Value) => names.get(value) ?? constant(value);
  const opened = open === undefined ? new Set<Node>() : openViews(graph, open);
  const attributeInput = (node: Node, attribute: string): string => {
    if (!opened.has(node)) return integers(node.attributes[attribute]!);
    const shape = node.attributes.shape as readonly number[];
    const name = shapeInput(shape);
    shapes.set(name, shape);
    return name;
  };

  const body = new BinaryWriter();
  const computed = new Set(graph.nodes.flatMap(({ outputs }) => outputs));
  const copies: Node[] = [];
  const results = graph.outputs.map((value, i) => {
    const direct = computed.has(value) && !names.has(value);
    const copy = direct ? undefined : copyNode(value);
    if (copy) copies.push(copy);
    const name = standard?.outputs[i] ?? `${prefix}o${i}`;
    names.set(copy?.outputs[0] ?? value, name);
    return { name, value };
  });
  const nodes = [...graph.nodes, ...copies];
  nodes.forEach((node, n) => {
    node.outputs.forEach((output, i) => {
      if (!names.has(output)) names.set(output, `${prefix}v${n}_${i}`);
    });
  });
  // The runtime walks from the results to their operands, and first to the operand that is last in the file: with the nodes in reverse
  // it runs them in the graph's order. It refuses that in the body of a loop.
  const written = [...nodes.entries()];
  for (const [n, node] of prefix === "" && !standard ? written.reverse() : written) {
    const inner = node.body && encodeGraph(node.body, {}, `${prefix}b${n}_`, names, shapes);
    body.uint32(tag(1, WireType.LengthDelimited)).bytes(encodeNode(node, use, attributeInput, names, inner));
  }
  if (ownResults) {
    message(body, 1, (node) => {
      string(node, 2, unreadResult);
      string(node, 4, "SequenceEmpty");
    });
  }
  string(body, 2, graph.name);
  for (const write of initialisers.values()) message(body, 5, write);
  for (const value of graph.inputs) {
    if (!value.frozen) message(body, 11, (w) => writeValueInfo(w, names.get(value)!, value, anyShape));
  }
  for (const [name, { length }] of prefix === "" ? shapes : []) {
    message(body, 11, (w) => writeValueInfo(w, name, { shape: [length], dtype: "int64" }, false));
  }
  if (ownResults) message(body, 12, (w) => writeSequenceInfo(w, unreadResult));
  for (const { name, value } of results) message(body, 12, (w) => writeValueInfo(w, name, value, anyShape));
  return body.finish();
}

/** A result may be an input, a constant, or a result already; a node of its own gives it another name. */
function copyNode(value: Value): Node {
  return { op: "Identity", inputs: [value], attributes: {}, outputs: [Object.create(value) as Value] };
}

function encodeNode(
  node: Node,
  use: (value: Value) => string,
  attributeInput: (node: Node, name: string) => string,
  names: ReadonlyMap<Value, string>,
  body: Uint8Array | undefined,
): Uint8Array {
  const writer = new BinaryWriter();
  const { op, inputs, attributes, outputs } = node;
  if (body) return encodeLoop(node, use, attributeInput, names, body);
  const asInputs = attributeInputs[op] ?? [];
  for (const input of inputs) string(writer, 1, use(input));
  for (const name of asInputs) string(writer, 1, attributeInput(node, name));
  for (const output of outputs) string(writer, 2, names.get(output)!);
  string(writer, 4, op);
  for (const [name, attribute] of Object.entries(attributes)) {
    if (asInputs.includes(name)) continue;
    message(writer, 5, (w) => writeAttribute(w, name, op === "Cast" ? elementType[attribute as "float32"] : attribute));
  }
  if (contributed.has(op)) string(writer, 7, "com.microsoft");
  return writer.finish();
}

/** Loop: number of rounds, no condition to end earlier, and what is carried; its body reads everything else from the graph around it. */
function encodeLoop(
  node: Node,
  use: (value: Value) => string,
  attributeInput: (node: Node, name: string) => string,
  names: ReadonlyMap<Value, string>,
  body: Uint8Array,
): Uint8Array {
  const writer = new BinaryWriter();
  const { op, inputs, attributes, outputs } = node;
  string(writer, 1, attributeInput(node, "times"));
  string(writer, 1, "");
  for (const input of inputs.slice(0, attributes.carried as number)) string(writer, 1, use(input));
  for (const output of outputs) string(writer, 2, names.get(output)!);
  string(writer, 4, op);
  message(writer, 5, (attribute) => {
    string(attribute, 1, "body");
    attribute.uint32(tag(6, WireType.LengthDelimited)).bytes(body);
    attribute.uint32(tag(20, WireType.Varint)).int32(5);
  });
  return writer.finish();
}
