import { createHash, type Hash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { FileDownloadInfoOutput } from "@huggingface/hub";
import { writeAtomically, writeFully } from "../data/atomic.js";
import { CmmdError } from "../errors.js";
import { makeFolder } from "../store/folder.js";
import type { WeightsSource } from "./source.js";

type HubSource = Extract<WeightsSource, { kind: "hub" }>;

/** What the hub says a file is: `hash` is the SHA-256 of a large file, git's SHA-1 of a small one. */
interface Published {
  readonly size: number;
  readonly hash: string;
}

export interface DownloadOptions {
  /** Folder that downloads are kept in. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** Called with the bytes that are there. */
  progress(done: number, total: number): void;
  /** Milliseconds before a broken connection is tried again, doubled each time. Default 1000. */
  readonly pause?: number;
}

/** Connections that may break before a download gives up. */
const attempts = 5;

const shown = ({ repository, revision, file }: HubSource) => `hf://${repository}@${revision}/${file}`;

const pathOf = ({ repository, revision, file }: HubSource, folder: string) =>
  join(folder, "hf", ...repository.split("/"), encodeURIComponent(revision), ...file.split("/"));
const publishedFile = (path: string) => `${path}.json`;

const byHand = ({ repository, revision, file }: HubSource) =>
  `Or download ${file} of ${repository} (revision ${revision}) by hand on a machine that can, and give its path instead of hf://.`;

/** What the network and the hub answer, as an error that says what to do. */
function explain(source: HubSource, error: unknown, signal: AbortSignal, kept = ""): unknown {
  // A hub that takes too long is one that cannot be reached.
  if (signal.aborted && signal.reason?.name !== "TimeoutError") return signal.reason;
  if (error instanceof CmmdError) return error;
  const { statusCode, message, cause } = error as Error & { statusCode?: number };
  const refused: Readonly<Record<number, string>> = {
    401: "the hub knows no such repository, or it is private",
    403: "the hub refuses access to the repository",
    404: "the hub knows no such repository, revision or file",
  };
  const why = statusCode === undefined ? undefined : refused[statusCode];
  if (why)
    return new CmmdError("CMMD562", `${shown(source)}: ${why}`, {
      hint: `Check the name, or set HF_TOKEN to a token that may read it (accept its licence on its page first). ${byHand(source)}`,
      cause: error,
    });
  const reason = cause instanceof Error && cause.message !== "" ? cause.message : message || String(error);
  return new CmmdError("CMMD563", `${shown(source)}: the hub cannot be reached (${reason})${kept}`, {
    hint: `Check the connection (a mirror: set HF_ENDPOINT) and run again. ${byHand(source)}`,
    cause: error,
  });
}

/** `HF_ENDPOINT` and `HF_TOKEN` are the hub's own variables; the fetch ends with the run, and knows when a server starts over. */
async function hub(signal: AbortSignal) {
  const { HF_ENDPOINT: endpoint, HF_TOKEN: token } = process.env;
  const client = await import("@huggingface/hub");
  const fetching: typeof fetch = async (url, init) => {
    const response = await fetch(url, { ...init, signal });
    const range = new Headers(init?.headers).get("range");
    if (range !== null && response.status === 200) throw new Error("the server does not send parts of files");
    return response;
  };
  const common = {
    fetch: fetching,
    ...(endpoint ? { hubUrl: endpoint.replace(/\/+$/, "") } : {}),
    ...(token ? { accessToken: token } : {}),
  };
  return { client, common };
}

async function ask(source: HubSource, signal: AbortSignal): Promise<FileDownloadInfoOutput> {
  try {
    const { client, common } = await hub(signal);
    const { repository: repo, revision, file: path } = source;
    const info = await client.fileDownloadInfo({ ...common, repo, revision, path });
    if (info) return info;
  } catch (error) {
    throw explain(source, error, signal);
  }
  throw new CmmdError("CMMD562", `${shown(source)}: the repository has no such file`, {
    hint: `Name the file: hf://${source.repository}/FILE. ${byHand(source)}`,
  });
}

const publishedAs = ({ size, etag }: FileDownloadInfoOutput): Published => ({
  size,
  hash: etag.replace(/^W\//, "").replaceAll('"', ""),
});

/** SHA-256 of large files, git's hash of small ones. */
const hashFor = ({ size, hash }: Published): Hash =>
  hash.length === 64 ? createHash("sha256") : createHash("sha1").update(`blob ${size}\0`);

async function hashInto(hash: Hash, path: string): Promise<void> {
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
}

/** What is known of a file without fetching it: from an earlier download, else from the hub. */
export async function publishedOf(
  source: HubSource,
  { folder, signal }: Pick<DownloadOptions, "folder" | "signal">,
): Promise<Published> {
  const path = pathOf(source, folder);
  if (existsSync(path)) return JSON.parse(await readFile(publishedFile(path), "utf8")) as Published;
  return publishedAs(await ask(source, signal));
}

/**
 * The path of a file of the hub in `folder`, downloaded once: a file that is there is used without asking, a download that was cut off
 * goes on where it ended. Size and hash are those that the hub gives. Throws CMMD562 (no such file, no access), CMMD563 (no connection),
 * CMMD564 (other bytes than published).
 */
export async function download(source: HubSource, options: DownloadOptions): Promise<string> {
  const { folder, signal, progress, pause = 1000 } = options;
  const path = pathOf(source, folder);
  if (existsSync(path)) return path;
  const info = await ask(source, signal);
  const published = publishedAs(info);
  const partial = `${path}.${published.hash}.partial`;
  await makeFolder(dirname(path));
  const { client, common } = await hub(signal);
  const hash = hashFor(published);
  if (existsSync(partial)) await hashInto(hash, partial);
  const handle = await open(partial, "a");
  try {
    let { size: done } = await stat(partial);
    const { repository: repo, revision, file } = source;
    for (let attempt = 1; done < published.size; attempt++) {
      const before = done;
      try {
        const blob = await client.downloadFile({
          ...common,
          repo,
          revision,
          path: file,
          downloadInfo: info,
          xet: false,
        });
        // Its stream keeps the place of a slice, so that the server is asked for the rest alone.
        for await (const chunk of blob!.slice(done).stream() as unknown as AsyncIterable<Uint8Array>) {
          await writeFully(handle, chunk);
          hash.update(chunk);
          done += chunk.length;
          progress(done, published.size);
        }
        if (done < published.size) throw new Error("the connection broke off");
      } catch (error) {
        // A download that gets on may break off as often as it likes.
        if (done > before) attempt = 0;
        const kept = `; ${done} of ${published.size} bytes are kept, the next run goes on from there`;
        if (signal.aborted || attempt >= attempts) throw explain(source, error, signal, kept);
        await setTimeout(pause * 2 ** attempt, undefined, { signal });
      }
    }
    await handle.sync();
    if (done !== published.size || hash.digest("hex") !== published.hash) {
      await rm(partial, { force: true });
      throw new CmmdError(
        "CMMD564",
        `${shown(source)}: ${done} bytes came that are not the published ones (${published.size} bytes, hash ${published.hash})`,
        {
          hint: `They were removed; run again. If it happens again, something between here and the hub changes files. ${byHand(source)}`,
        },
      );
    }
  } finally {
    await handle.close();
  }
  await writeAtomically(publishedFile(path), [`${JSON.stringify(published)}\n`]);
  await rename(partial, path);
  return path;
}
