import { readFileSync } from "node:fs";
import { Errors } from "@oclif/core";

/** An error as `--json` prints it, one object per line. */
interface ErrorLine {
  readonly type: "error";
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly place?: unknown;
}

interface Failure {
  readonly exitCode: number;
  readonly lines: readonly ErrorLine[];
  readonly text: string;
}

/** oclif joins the words after an unknown command with colons, taking them for topics. */
const unknownCommand = /^command ([^:\s]+)\S* not found$/;

async function usage(error: Error): Promise<Failure> {
  const name = unknownCommand.exec(error.message)?.[1];
  let message = error.message.replace(/\n?See more help with --help$/, "");
  let hint = "See cmmd --help.";
  if (name !== undefined) {
    const { nearest } = await import("@cmmd/core");
    const manifest = JSON.parse(readFileSync(new URL("../oclif.manifest.json", import.meta.url), "utf8")) as {
      commands: Record<string, unknown>;
    };
    const close = nearest(name, Object.keys(manifest.commands));
    message = `there is no command "${name}"`;
    if (close) hint = `Did you mean "cmmd ${close}"?`;
  }
  return { exitCode: 2, lines: [{ type: "error", code: "usage", message, hint }], text: `${message}\n${hint}` };
}

function internal(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? error.stack : undefined;
  const hint = "This is a bug in cmmd. Please report it with these lines where cmmd comes from.";
  return {
    exitCode: 1,
    lines: [{ type: "error", code: "internal", message, hint }],
    text: `internal: ${stack ?? message}\n  ${hint}`,
  };
}

async function explain(error: unknown): Promise<Failure> {
  if (error instanceof Errors.CLIError) return usage(error);
  const { CmmdError, CmmdErrors, renderError } = await import("@cmmd/core");
  const errors = error instanceof CmmdErrors ? error.errors : error instanceof CmmdError ? [error] : undefined;
  if (!errors) return internal(error);
  const color = process.stderr.isTTY && !process.env.NO_COLOR;
  return {
    exitCode: Math.max(...errors.map(({ exitCode }) => exitCode)),
    lines: errors.map(({ code, message, hint, place }) => ({ type: "error", code, message, hint, place })),
    text: errors.map((one) => renderError(one, { color })).join("\n\n"),
  };
}

/** Prints an error, on standard output as JSON lines or on standard error as text, and returns the exit code. */
export async function report(error: unknown, json: boolean): Promise<number> {
  if (error instanceof Errors.ExitError) return error.oclif.exit ?? 0;
  const { exitCode, lines, text } = await explain(error);
  if (json) for (const line of lines) console.log(JSON.stringify(line));
  else console.error(text);
  return exitCode;
}
