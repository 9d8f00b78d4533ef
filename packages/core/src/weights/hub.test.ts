import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { download, publishedOf } from "./hub.js";

const content = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7919) >> 3));
const sha256 = createHash("sha256").update(content).digest("hex");
const source = { kind: "hub", repository: "owner/repo", revision: "main", file: "sub/model.safetensors" } as const;

/** A hub of one file. `cuts`: bytes after which a connection is killed, one for each download, Infinity for none. */
const state = { hash: sha256, status: 206, cuts: [] as number[], requests: [] as IncomingMessage["headers"][] };
const server = createServer((request, response) => {
  const { range = "", authorization } = request.headers;
  if (request.url !== "/owner/repo/resolve/main/sub/model.safetensors" || state.status !== 206) {
    response.writeHead(state.status === 206 ? 404 : state.status, { "X-Error-Code": "EntryNotFound" }).end("no");
    return;
  }
  const [, from = "0", to = content.length - 1] = /^bytes=(\d+)-(\d+)$/.exec(range) ?? [];
  const part = content.subarray(Number(from), Number(to) + 1);
  response.writeHead(range ? 206 : 200, {
    "Content-Length": part.length,
    "X-Linked-ETag": `"${state.hash}"`,
    ...(range && { "Content-Range": `bytes ${from}-${to}/${content.length}` }),
  });
  if (range === "bytes=0-0") return response.end(part);
  state.requests.push({ range, authorization });
  const cut = state.cuts.shift() ?? Number.POSITIVE_INFINITY;
  if (cut >= part.length) return response.end(part);
  response.write(part.subarray(0, cut), () => setTimeout(() => response.destroy(), 20));
});

let folder = "";
const options = () => ({ folder, signal: AbortSignal.timeout(20_000), pause: 1, progress: () => {} });
const before = { ...process.env };
beforeAll(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)));
afterAll(() => server.close());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cmmd-hub-"));
  Object.assign(state, { hash: sha256, status: 206, cuts: [], requests: [] });
  process.env.HF_ENDPOINT = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  process.env.HF_TOKEN = "hf_secret";
});
afterEach(() => {
  process.env = { ...before };
});
const kept = () => readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.includes("model"));

it("goes on where a connection broke off, and asks nobody for what is there", async () => {
  state.cuts = [100_000, 50_000];
  expect((await publishedOf(source, options())).hash).toBe(sha256);
  const path = await download(source, options());
  expect(readFileSync(path)).toEqual(content);
  expect(state.requests.map(({ range }) => range)).toEqual(["", "bytes=100000-299999", "bytes=150000-299999"]);
  expect(state.requests.every(({ authorization }) => authorization === "Bearer hf_secret")).toBe(true);
  process.env.HF_ENDPOINT = "http://127.0.0.1:9";
  expect(await download(source, options())).toBe(path);
  expect(await publishedOf(source, options())).toEqual({ size: content.length, hash: sha256 });
  expect(kept()).toHaveLength(2);
});

it("keeps what came of a download that failed for the next run", async () => {
  state.cuts = [200_000, 0, 0, 0, 0, 0, 0];
  await expect(download(source, options())).rejects.toMatchObject({
    code: "CMMD563",
    message: expect.stringContaining("200000 of 300000 bytes are kept"),
    hint: expect.stringMatching(/by hand .* give its path/),
  });
  state.cuts = [];
  expect(readFileSync(await download(source, options()))).toEqual(content);
  expect(state.requests.at(-1)!.range).toBe("bytes=200000-299999");
});

it("refuses other bytes than those published", async () => {
  state.hash = sha256.replaceAll(/\d/g, "0");
  await expect(download(source, options())).rejects.toMatchObject({ code: "CMMD564" });
  expect(kept()).toEqual([]);
});

it.each([
  { status: 401, code: "CMMD562", message: /private/ },
  { status: 403, code: "CMMD562", message: /refuses access/ },
  { status: 404, code: "CMMD562", message: /no such file/ },
  { status: 503, code: "CMMD563", message: /503/ },
])("says what the hub's answer $status means", async ({ status, ...error }) => {
  state.status = status;
  await expect(download(source, options())).rejects.toMatchObject({
    code: error.code,
    message: expect.stringMatching(error.message),
  });
});

it("says what to do without a network", async () => {
  process.env.HF_ENDPOINT = "http://127.0.0.1:9";
  await expect(publishedOf(source, options())).rejects.toMatchObject({
    code: "CMMD563",
    message: expect.stringMatching(/hf:\/\/owner\/repo@main\/sub\/model.safetensors: the hub cannot be reached/),
    hint: expect.stringMatching(/HF_ENDPOINT.*download sub\/model.safetensors of owner\/repo .* by hand/),
  });
});

it("ends at once when the run is interrupted", async () => {
  const interruption = new AbortController();
  state.cuts = [100_000];
  const reason = new Error("interrupted");
  const downloading = download(source, {
    ...options(),
    signal: interruption.signal,
    progress: () => interruption.abort(reason),
  });
  await expect(downloading).rejects.toBe(reason);
});
