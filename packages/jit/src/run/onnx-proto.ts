import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { type Attribute, sizeOf, type Value } from "../ir/graph.js";

/*
 * Field numbers below are those of onnx.proto (ModelProto, GraphProto, NodeProto, AttributeProto, TensorProto, ValueInfoProto).
 */
export const elementType = { float32: 1, int32: 6, int64: 7, bool: 9, float16: 10 } as const;

/** Float attributes; every other number is an integer. */
const floatAttributes: ReadonlySet<string> = new Set(["alpha", "beta", "epsilon"]);

/** AttributeProto. */
export function writeAttribute(writer: BinaryWriter, name: string, attribute: Attribute): void {
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

/** TensorProto with its data inside. */
export function writeTensor(
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

/** A tensor whose data are given apart when the model is loaded. */
export function writeExternalTensor(writer: BinaryWriter, name: string, { shape, dtype, size }: Value): void {
  if (size === 0) {
    writeTensor(writer, name, elementType[dtype], shape, new Uint8Array());
    return;
  }
  for (const length of shape) writer.uint32(tag(1, WireType.Varint)).int64(length);
  writer.uint32(tag(2, WireType.Varint)).int32(elementType[dtype]);
  string(writer, 8, name);
  message(writer, 13, (entry) => {
    string(entry, 1, "location");
    string(entry, 2, name);
  });
  writer.uint32(tag(14, WireType.Varint)).int32(1);
}

/** ValueInfoProto of a sequence of float32 tensors. */
export function writeSequenceInfo(writer: BinaryWriter, name: string): void {
  string(writer, 1, name);
  message(writer, 2, (type) =>
    message(type, 4, (sequence) =>
      message(sequence, 1, (element) =>
        message(element, 1, (tensor) => {
          tensor.uint32(tag(1, WireType.Varint)).int32(elementType.float32);
        }),
      ),
    ),
  );
}

/** ValueInfoProto: name, type, and shape unless any is allowed. */
export function writeValueInfo(
  writer: BinaryWriter,
  name: string,
  { shape, dtype }: Pick<Value, "shape" | "dtype">,
  anyShape: boolean,
): void {
  string(writer, 1, name);
  message(writer, 2, (type) =>
    message(type, 1, (tensor) => {
      tensor.uint32(tag(1, WireType.Varint)).int32(elementType[dtype]);
      if (anyShape) return;
      message(tensor, 2, (dims) => {
        for (const size of shape) message(dims, 1, (dim) => dim.uint32(tag(1, WireType.Varint)).int64(size));
      });
    }),
  );
}

/** A constant's data. */
export function bytesOf({ data, shape }: Value): Uint8Array {
  if (data === undefined || data.length !== sizeOf(shape)) throw new Error("internal: a value without a definition");
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

export const tag = (field: number, type: WireType) => (field << 3) | type;

export function string(writer: BinaryWriter, field: number, value: string): void {
  writer.uint32(tag(field, WireType.LengthDelimited)).string(value);
}

export function message(writer: BinaryWriter, field: number, write: (writer: BinaryWriter) => void): void {
  const inner = new BinaryWriter();
  write(inner);
  writer.uint32(tag(field, WireType.LengthDelimited)).bytes(inner.finish());
}
