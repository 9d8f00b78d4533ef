#!/usr/bin/env node
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const main = new URL("../dist/main.js", import.meta.url);

if (existsSync(fileURLToPath(main))) {
  const { main: run } = await import(main.href);
  await run();
} else {
  console.error("cmmd is not built yet. Run, in the repository's root:\n\n    npm ci && npm run build\n");
  process.exitCode = 2;
}
