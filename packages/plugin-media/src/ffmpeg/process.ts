import { spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { CmmdError } from "@cmmd/core";

/** What happened to an FFmpeg process that ran to its end. */
export interface Finished {
  /** 0 on success. */
  readonly exitCode: number;
  readonly stderr: string;
}

export interface Pipes {
  readonly signal: AbortSignal;
  /** Seconds without a word or a byte from FFmpeg after which it is killed; it may take any time when absent. */
  readonly patience?: number;
  /** Ends FFmpeg early where it has given what was wanted of it; that counts as success. */
  readonly enough?: AbortSignal;
  /** Called with every chunk that FFmpeg writes to `pipe:N`; N is 1 or from 3 up. */
  readonly outputs?: Readonly<Record<number, (chunk: Buffer) => void>>;
  /** Bytes for `pipe:N`; N is 0 or from 3 up. */
  readonly inputs?: Readonly<Record<number, () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>>>;
}

/** Characters of stderr that are kept, of its beginning and of its end. */
const stderrKept = 1 << 16;

/**
 * Runs FFmpeg and resolves when the process is gone and all its output has been read. On abort the process is killed and
 * awaited, then `signal.reason` is thrown; an error of an input or output handler does the same. A failure of FFmpeg itself
 * is not thrown: the caller knows what it means. Throws CMMD515 when patience ends.
 */
export async function runFfmpeg(ffmpegPath: string, args: readonly string[], pipes: Pipes): Promise<Finished> {
  pipes.signal.throwIfAborted();
  const outputs = Object.entries(pipes.outputs ?? {});
  const inputs = Object.entries(pipes.inputs ?? {});
  const highest = Math.max(2, ...[...outputs, ...inputs].map(([index]) => Number(index)));
  const stdio = Array.from({ length: highest + 1 }, (_, index) =>
    index === 2 || pipes.outputs?.[index] || pipes.inputs?.[index] ? ("pipe" as const) : ("ignore" as const),
  );
  // In a process group of its own, as Ctrl-C would otherwise end FFmpeg before `signal` says that this is an interruption.
  const detached = process.platform !== "win32";
  const child = spawn(ffmpegPath, ["-nostdin", "-hide_banner", ...args], { stdio, detached, windowsHide: true });
  let failure: unknown;
  const fail = (error: unknown) => {
    failure ??= error ?? new Error("FFmpeg was stopped");
    child.kill("SIGKILL");
  };
  const onAbort = () => fail(pipes.signal.reason);
  pipes.signal.addEventListener("abort", onAbort, { once: true });

  const { patience, enough } = pipes;
  const onEnough = () => child.kill("SIGKILL");
  enough?.addEventListener("abort", onEnough, { once: true });
  const limit = patience === undefined ? undefined : setTimeout(() => fail(hung(args, patience)), patience * 1000);

  let stderr = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    limit?.refresh();
    stderr += text;
    if (stderr.length > 2 * stderrKept) stderr = `${stderr.slice(0, stderrKept)}\n${stderr.slice(1 - stderrKept)}`;
  });
  for (const [index, consume] of outputs) {
    const stream = child.stdio[Number(index)] as Readable;
    stream.on("error", fail);
    stream.on("data", (chunk: Buffer) => {
      limit?.refresh();
      if (failure !== undefined) return;
      try {
        consume(chunk);
      } catch (error) {
        fail(error);
      }
    });
  }
  const exit = new Promise<number>((resolve, reject) => {
    child.once("error", (error) => reject(notRun(ffmpegPath, `cannot be started: ${error.message}`)));
    child.once("close", (code, signal) =>
      code !== null || enough?.aborted ? resolve(code ?? 0) : reject(notRun(ffmpegPath, `was ended by ${signal}`)),
    );
  });
  const writers = inputs.map(([index, produce]) =>
    feed(child.stdio[Number(index)] as Writable, produce(), () => failure !== undefined).catch(fail),
  );
  try {
    const exitCode = await exit;
    await Promise.all(writers);
    if (failure !== undefined) throw failure;
    return { exitCode, stderr };
  } catch (error) {
    throw failure ?? error;
  } finally {
    clearTimeout(limit);
    pipes.signal.removeEventListener("abort", onAbort);
    enough?.removeEventListener("abort", onEnough);
  }
}

function hung(args: readonly string[], patience: number): CmmdError {
  const input = args[args.indexOf("-i") + 1]?.replace(/^file:/, "");
  return new CmmdError("CMMD515", `"${input}" gave nothing for ${patience} s and its FFmpeg was ended`, {
    hint: "Play the file to see whether it is damaged. If the disk or the network is slow, raise time_limit of prepare.codec.",
  });
}

function notRun(ffmpegPath: string, what: string): CmmdError {
  return new CmmdError("CMMD304", `FFmpeg at "${ffmpegPath}" ${what}`, {
    hint: "Set CMMD_FFMPEG to the path of a working ffmpeg executable; if it was ended, see whether memory ran out.",
  });
}

/** Writes all of `source` at the reader's pace. A reader that has gone away ends the writing: its exit code tells why. */
async function feed(
  stream: Writable,
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  stopped: () => boolean,
): Promise<void> {
  let gone = false;
  let wake = () => {};
  const leave = () => {
    gone = true;
    wake();
  };
  stream.on("error", leave).on("close", leave);
  stream.on("drain", () => wake());
  for await (const chunk of source) {
    if (gone || stopped()) return;
    if (!stream.write(chunk))
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (gone) resolve();
      });
  }
  stream.end();
}
