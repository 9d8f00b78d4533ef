import { rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Plugin } from "@oclif/core";

/** Writes `oclif.manifest.json`, with which help starts without importing the commands. Run by the build. */
const root = fileURLToPath(new URL("..", import.meta.url));
const path = `${root}oclif.manifest.json`;
await rm(path, { force: true });
const plugin = new Plugin({ root });
await plugin.load();
await writeFile(path, `${JSON.stringify(plugin.manifest, null, 2)}\n`);
