import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { readPytorch } from "./pytorch.js";

const fixture = (name: string) => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));
const expected = JSON.parse(readFileSync(fixture("pytorch.json"), "utf8")) as Record<
  string,
  { shape: number[]; data: number[] }
>;
const folder = mkdtempSync(join(tmpdir(), "cmmd-pytorch-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe.each(["zip", "legacy"])("the %s format", (format) => {
  it("gives what torch saved: types, views, shared storages, nesting", async () => {
    const { tensors, left } = await readPytorch(fixture(`${format}.pt`));
    expect(Object.keys(tensors)).toEqual(Object.keys(expected));
    for (const [name, { shape, data }] of Object.entries(expected)) {
      expect(tensors[name]!.shape, name).toEqual(shape);
      expect(Array.from(tensors[name]!.data), name).toEqual(data.map(Math.fround));
    }
    expect(left).toEqual(["optim.lr", "optim.name", "step"]);
  });

  it("drops the prefix of DataParallel and keeps the pairs of weight norm", async () => {
    const { tensors } = await readPytorch(fixture(`${format}-module.pt`));
    expect(Object.keys(tensors)).toEqual(["weight_g", "weight_v"]);
  });

  it("says that a file is cut off, wherever it is", async () => {
    const whole = readFileSync(fixture(`${format}.pt`));
    const path = join(folder, `${format}.pt`);
    for (let length = 0; length < whole.length; length += 61) {
      writeFileSync(path, whole.subarray(0, length));
      await expect(readPytorch(path)).rejects.toMatchObject({ code: "CMMD573" });
    }
  });
});

describe("anything but tensors", () => {
  it("is refused by name and never executed", async () => {
    await expect(readPytorch(fixture("evil.pt"))).rejects.toMatchObject({
      code: "CMMD574",
      message: expect.stringContaining("posix.system"),
    });
    expect(existsSync("/tmp/cmmd-was-here")).toBe(false);
    await expect(readPytorch(fixture("module-object.pt"))).rejects.toMatchObject({
      code: "CMMD574",
      message: expect.stringContaining("torch.nn.modules.linear.Linear"),
    });
  });

  it("includes files that are something else", async () => {
    const path = join(folder, "text.pt");
    writeFileSync(path, "hello, this is no pickle");
    await expect(readPytorch(path)).rejects.toMatchObject({ code: "CMMD573" });
  });
});
