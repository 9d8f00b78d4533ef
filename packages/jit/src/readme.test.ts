import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import * as jitModule from "./index.js";

it("the README's example finds y = 2 a - b", async () => {
  const readme = readFileSync(join(import.meta.dirname, "../README.md"), "utf8");
  const code = /```js\n([\s\S]*?)```/.exec(readme)![1]!;
  const body = code.replace(/^import (\{.*\}) from "@cmmd\/jit";/, "const $1 = jitModule;");
  const AsyncFunction = (async () => {}).constructor as new (
    ...code: string[]
  ) => (jit: typeof jitModule, console: { log(value: Float32Array): void }) => Promise<void>;
  const printed: number[] = [];
  await new AsyncFunction("jitModule", "console", body)(jitModule, { log: (value) => printed.push(...value) });
  expect(printed[0]).toBeCloseTo(2, 3);
  expect(printed[1]).toBeCloseTo(-1, 3);
});
