import { fileURLToPath } from "node:url";
import { flush, run } from "@oclif/core";
import { report } from "./failure.js";

/** Runs the command line of this process. Sets the exit code; never throws. */
export async function main(): Promise<void> {
  const argv = process.argv.slice(2);
  try {
    await run(argv, fileURLToPath(new URL("..", import.meta.url)));
    await flush();
  } catch (error) {
    process.exitCode = await report(error, argv.includes("--json"));
  }
}
