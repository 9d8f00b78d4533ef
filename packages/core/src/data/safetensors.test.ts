import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { NamedTensors } from "../plugin/tensors.js";
import { openSafetensors, readSafetensors, writeSafetensors } from "./safetensors.js";

const fixture = JSON.parse(readFileSync(new URL("./fixtures/safetensors.json", import.meta.url), "utf8")) as {
  file: string;
  tensors: Record<string, { shape: number[]; values: string[] }>;
};
const folder = mkdtempSync(join(tmpdir(), "cmmd-safetensors-"));
const number = (text: string) => Number(text.replace("inf", "Infinity"));

function rawFile(bytes: Uint8Array): string {
  const path = join(folder, "made.safetensors");
  writeFileSync(path, bytes);
  return path;
}

function fileOf(header: unknown, data: Uint8Array): string {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return rawFile(Buffer.concat([length, json, data]));
}

describe("a file written by Python's safetensors", () => {
  const path = join(folder, "python.safetensors");
  writeFileSync(path, Buffer.from(fixture.file, "base64"));

  it("is read as Python reads it, in every type", async () => {
    const { tensors, metadata } = await readSafetensors(path);
    expect(metadata).toEqual({ "made by": "safetensors", ä: "ö" });
    expect(Object.keys(tensors).sort()).toEqual(Object.keys(fixture.tensors).sort());
    for (const [name, { shape, values }] of Object.entries(fixture.tensors)) {
      expect(tensors[name]!.shape, name).toEqual(shape);
      const expected = values.map(number).map((value) => (name === "f64" ? Math.fround(value) : value));
      expect([...tensors[name]!.data], name).toEqual(expected);
    }
  });

  it("gives one tensor without loading the others", async () => {
    const file = await openSafetensors(path);
    expect(file.names).toContain("i32");
    expect([...(await file.read("i32")).data]).toEqual([7, -7]);
    await expect(file.read("absent")).rejects.toThrow(/no tensor "absent"/);
  });
});

describe("writeSafetensors", () => {
  const tensors: NamedTensors = {
    "b.bytes": { shape: [3], data: Uint8Array.of(1, 2, 255) },
    "a.floats": { shape: [2, 2], data: Float32Array.of(1.5, -0, Number.NaN, 3e38) },
    ids: { shape: [1], data: Int32Array.of(-5) },
    scalar: { shape: [], data: Float32Array.of(7) },
    none: { shape: [0, 4], data: new Float32Array(0) },
  };

  it("keeps names, order, shapes and bits, and leaves no temporary file", async () => {
    const path = join(folder, "own.safetensors");
    await writeSafetensors(path, tensors, { step: "12" });
    const read = await readSafetensors(path);
    expect(read.metadata).toEqual({ step: "12" });
    expect(Object.keys(read.tensors)).toEqual(Object.keys(tensors));
    expect(read.tensors).toEqual(tensors);
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  it("writes views of larger buffers, and the same bytes every time", async () => {
    const whole = Float32Array.from({ length: 10 }, (_, i) => i);
    const [one, two] = [join(folder, "1.safetensors"), join(folder, "2.safetensors")];
    await writeSafetensors(one, { x: { shape: [3], data: whole.subarray(4, 7) } });
    await writeSafetensors(two, { x: { shape: [3], data: whole.slice(4, 7) } });
    expect(readFileSync(one)).toEqual(readFileSync(two));
  });

  it("refuses a shape that does not fit", async () => {
    const wrong = { x: { shape: [2], data: new Float32Array(3) } };
    await expect(writeSafetensors(join(folder, "wrong.safetensors"), wrong)).rejects.toThrow(/"x" of shape \[2\]/);
  });
});

describe("a damaged file is refused with the reason", () => {
  const f32 = (begin: number, end: number, shape = [(end - begin) / 4]) => ({
    dtype: "F32",
    shape,
    data_offsets: [begin, end],
  });
  const cases: readonly (readonly [string, () => string, RegExp])[] = [
    ["empty", () => rawFile(Buffer.alloc(0)), /only 0 bytes/],
    ["endless header", () => rawFile(Buffer.alloc(16, 255)), /header would take/],
    ["no JSON", () => fileOf("{nonsense", new Uint8Array(0)), /not JSON/],
    ["list", () => fileOf([], new Uint8Array(0)), /not an object/],
    ["unknown type", () => fileOf({ x: { dtype: "F8", shape: [1], data_offsets: [0, 1] } }, new Uint8Array(1)), /"F8"/],
    [
      "negative size",
      () => fileOf({ x: { dtype: "U8", shape: [-1], data_offsets: [0, 1] } }, new Uint8Array(1)),
      /shape/,
    ],
    ["wrong size", () => fileOf({ x: f32(0, 8, [3]) }, new Uint8Array(8)), /needs 12 bytes/],
    ["overlap", () => fileOf({ x: f32(0, 8), y: f32(4, 12) }, new Uint8Array(12)), /overlaps tensor "x"/],
    ["gap", () => fileOf({ x: f32(0, 4), y: f32(8, 12) }, new Uint8Array(12)), /gap after tensor "x"/],
    [
      "cut",
      () => fileOf({ x: f32(0, 8) }, new Uint8Array(5)),
      /need 8 bytes, but it holds 5: tensor "x" of shape \[2\] is cut off/,
    ],
    ["too long", () => fileOf({ x: f32(0, 8) }, new Uint8Array(9)), /need 8 bytes, but it holds 9/],
    ["metadata", () => fileOf({ __metadata__: { a: 1 } }, new Uint8Array(0)), /__metadata__/],
  ];
  it.each(cases)("%s", async (_, make, reason) => {
    await expect(readSafetensors(make())).rejects.toMatchObject({
      code: "CMMD410",
      message: expect.stringMatching(reason),
    });
  });

  it("integers beyond 32 bits", async () => {
    const path = fileOf(
      { x: { dtype: "I64", shape: [1], data_offsets: [0, 8] } },
      new Uint8Array(BigInt64Array.of(2n ** 40n).buffer),
    );
    await expect(readSafetensors(path)).rejects.toMatchObject({ code: "CMMD411" });
  });
});
