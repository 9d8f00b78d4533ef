import { BinaryReader } from "@bufbuild/protobuf/wire";

/** Numbers of fields in ModelProto, GraphProto and NodeProto of onnx.proto. */
const graphField = 7;
const nodeField = 1;
const inputField = 1;
const outputField = 2;

/**
 * A model that the runtime wrote, with its nodes in reverse. It writes them in the order in which it runs them, and starts from the last
 * operand in the file when it reads them: reversed, they run in the same order. A model that is in reverse already stays as it is.
 */
export function reverseNodes(model: Uint8Array): Uint8Array {
  const reversed = Uint8Array.from(model);
  const reader = new BinaryReader(model);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field !== graphField) {
      reader.skip(type);
      continue;
    }
    const graph = reader.bytes();
    const parts = fieldsOf(graph);
    const nodes = parts.filter(({ field }) => field === nodeField);
    let at = reader.pos - graph.length;
    const rest = parts.filter(({ field }) => field !== nodeField);
    for (const { whole } of [...(isSorted(nodes) ? nodes.reverse() : nodes), ...rest]) {
      reversed.set(whole, at);
      at += whole.length;
    }
  }
  return reversed;
}

interface Field {
  readonly field: number;
  /** With its tag. */
  readonly whole: Uint8Array;
  /** What follows tag and length; a view of `whole` when the field is no message. */
  readonly content: Uint8Array;
}

function fieldsOf(message: Uint8Array): Field[] {
  const reader = new BinaryReader(message);
  const fields: Field[] = [];
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [field, type] = reader.tag();
    const raw = reader.skip(type);
    const whole = message.subarray(start, reader.pos);
    fields.push({ field, whole, content: type === 2 ? new BinaryReader(raw).bytes() : raw });
  }
  return fields;
}

/** Whether every node comes after those whose results it reads. */
function isSorted(nodes: readonly Field[]): boolean {
  const decoder = new TextDecoder();
  const read = new Set<string>();
  for (const { content } of nodes) {
    const names = fieldsOf(content).map(({ field, content }) => [field, decoder.decode(content)] as const);
    if (names.some(([field, name]) => field === outputField && read.has(name))) return false;
    for (const [field, name] of names) if (field === inputField) read.add(name);
  }
  return true;
}
