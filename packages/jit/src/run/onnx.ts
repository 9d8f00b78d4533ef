import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { type Attribute, type Graph, type Node, sizeOf, type Value } from "../ir/graph.js";

/*
 * Field numbers below are those of onnx.proto (ModelProto, GraphProto, NodeProto, AttributeProto, TensorProto, ValueInfoProto).
 */
const opset = 21;
const irVersion = 10;
const elementType = { float32: 1, int32: 6, int64: 7, bool: 9 } as const;

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
};

/** Operators outside the standard: those of com.microsoft that the CPU and the WebGPU provider both have. */
const contributed: ReadonlySet<string> = new Set(["QuickGelu"]);

/** Float attributes; every other number is an integer. */
const floatAttributes: ReadonlySet<string> = new Set(["alpha", "beta", "epsilon"]);

/** The graph as an ONNX model. Inputs are named i0, i1, ..., outputs o0, o1, ... */
export function encodeOnnx(graph: Graph): Uint8Array {
  const names = new Map<Value, string>();
  graph.inputs.forEach((value, i) => {
    names.set(value, `i${i}`);
  });
  const initialisers = new Map<string, (writer: BinaryWriter) => void>();
  const constant = (value: Value): string => {
    const name = `c${initialisers.size}`;
    initialisers.set(name, (writer) =>
      writeTensor(writer, name, elementType[value.dtype], value.shape, bytesOf(value)),
    );
    names.set(value, name);
    return name;
  };
  const integers = (attribute: Attribute): string => {
    const values = typeof attribute === "number" ? [attribute] : (attribute as readonly number[]);
    const shape = typeof attribute === "number" ? [] : [values.length];
    const name = `n${shape.length}_${values.join("_")}`;
    if (!initialisers.has(name)) {
      const data = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
      initialisers.set(name, (writer) => writeTensor(writer, name, elementType.int64, shape, data));
    }
    return name;
  };
  const use = (value: Value) => names.get(value) ?? constant(value);

  const body = new BinaryWriter();
  const computed = new Set(graph.nodes.flatMap(({ outputs }) => outputs));
  const copies: Node[] = [];
  graph.outputs.forEach((value, i) => {
    const direct = computed.has(value) && !names.has(value);
    const copy = direct ? undefined : copyNode(value);
    if (copy) copies.push(copy);
    names.set(copy?.outputs[0] ?? value, `o${i}`);
  });
  const nodes = [...graph.nodes, ...copies];
  nodes.forEach((node, n) => {
    node.outputs.forEach((output, i) => {
      if (!names.has(output)) names.set(output, `v${n}_${i}`);
    });
  });
  for (const node of nodes) body.uint32(tag(1, WireType.LengthDelimited)).bytes(encodeNode(node, use, integers, names));
  string(body, 2, graph.name);
  for (const write of initialisers.values()) message(body, 5, write);
  for (const value of graph.inputs) message(body, 11, (w) => writeValueInfo(w, names.get(value)!, value));
  graph.outputs.forEach((value, i) => {
    message(body, 12, (w) => writeValueInfo(w, `o${i}`, value));
  });

  const model = new BinaryWriter();
  model.uint32(tag(1, WireType.Varint)).int64(irVersion);
  string(model, 2, "@cmmd/jit");
  model.uint32(tag(7, WireType.LengthDelimited)).bytes(body.finish());
  for (const [domain, version] of [["", opset] as const, ["com.microsoft", 1] as const]) {
    message(model, 8, (w) => {
      string(w, 1, domain);
      w.uint32(tag(2, WireType.Varint)).int64(version);
    });
  }
  return model.finish();
}

/** A result may be an input, a constant, or a result already; a node of its own gives it another name. */
function copyNode(value: Value): Node {
  return { op: "Identity", inputs: [value], attributes: {}, outputs: [Object.create(value) as Value] };
}

function encodeNode(
  { op, inputs, attributes, outputs }: Node,
  use: (value: Value) => string,
  integers: (attribute: Attribute) => string,
  names: ReadonlyMap<Value, string>,
): Uint8Array {
  const writer = new BinaryWriter();
  const asInputs = attributeInputs[op] ?? [];
  for (const input of inputs) string(writer, 1, use(input));
  for (const name of asInputs) string(writer, 1, integers(attributes[name]!));
  for (const output of outputs) string(writer, 2, names.get(output)!);
  string(writer, 4, op);
  for (const [name, attribute] of Object.entries(attributes)) {
    if (asInputs.includes(name)) continue;
    message(writer, 5, (w) => writeAttribute(w, name, op === "Cast" ? elementType[attribute as "float32"] : attribute));
  }
  if (contributed.has(op)) string(writer, 7, "com.microsoft");
  return writer.finish();
}

function writeAttribute(writer: BinaryWriter, name: string, attribute: Attribute): void {
  string(writer, 1, name);
  if (typeof attribute === "string") {
    writer.uint32(tag(4, WireType.LengthDelimited)).string(attribute);
    writer.uint32(tag(20, WireType.Varint)).int32(3);
  } else if (typeof attribute === "number" && floatAttributes.has(name)) {
    writer.uint32(tag(2, WireType.Bit32)).float(attribute);
    writer.uint32(tag(20, WireType.Varint)).int32(1);
  } else if (typeof attribute === "number") {
    writer.uint32(tag(3, WireType.Varint)).int64(attribute);
    writer.uint32(tag(20, WireType.Varint)).int32(2);
  } else {
    for (const value of attribute) writer.uint32(tag(8, WireType.Varint)).int64(value);
    writer.uint32(tag(20, WireType.Varint)).int32(7);
  }
}

function writeTensor(
  writer: BinaryWriter,
  name: string,
  type: number,
  shape: readonly number[],
  data: Uint8Array,
): void {
  for (const size of shape) writer.uint32(tag(1, WireType.Varint)).int64(size);
  writer.uint32(tag(2, WireType.Varint)).int32(type);
  string(writer, 8, name);
  writer.uint32(tag(9, WireType.LengthDelimited)).bytes(data);
}

function writeValueInfo(writer: BinaryWriter, name: string, { shape, dtype }: Value): void {
  string(writer, 1, name);
  message(writer, 2, (type) =>
    message(type, 1, (tensor) => {
      tensor.uint32(tag(1, WireType.Varint)).int32(elementType[dtype]);
      message(tensor, 2, (dims) => {
        for (const size of shape) message(dims, 1, (dim) => dim.uint32(tag(1, WireType.Varint)).int64(size));
      });
    }),
  );
}

function bytesOf({ data, shape }: Value): Uint8Array {
  if (data === undefined || data.length !== sizeOf(shape)) throw new Error("internal: a value without a definition");
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

const tag = (field: number, type: WireType) => (field << 3) | type;

function string(writer: BinaryWriter, field: number, value: string): void {
  writer.uint32(tag(field, WireType.LengthDelimited)).string(value);
}

function message(writer: BinaryWriter, field: number, write: (writer: BinaryWriter) => void): void {
  const inner = new BinaryWriter();
  write(inner);
  writer.uint32(tag(field, WireType.LengthDelimited)).bytes(inner.finish());
}
