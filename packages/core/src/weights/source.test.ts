import { expect, it } from "vitest";
import { parseWeightsSource } from "./source.js";

const options = { base: "/pipelines", file: "model.safetensors" };

it.each([
  ["weights/vae.safetensors", { kind: "file", path: "/pipelines/weights/vae.safetensors" }],
  ["/data/vae.safetensors", { kind: "file", path: "/data/vae.safetensors" }],
  ["hf://a/b.c", { kind: "hub", repository: "a/b.c", revision: "main", file: "model.safetensors" }],
  ["hf://a/b@v1.0", { kind: "hub", repository: "a/b", revision: "v1.0", file: "model.safetensors" }],
  ["hf://a/b/vae/x.safetensors", { kind: "hub", repository: "a/b", revision: "main", file: "vae/x.safetensors" }],
  ["hf://a/b@refs%2Fpr%2F1/x", { kind: "hub", repository: "a/b", revision: "refs/pr/1", file: "x" }],
  ["runs:melgan_audioset@2000", { kind: "run", run: "melgan_audioset@2000", file: "model.safetensors" }],
])("reads %s", (source, parsed) => {
  expect(parseWeightsSource(source, options)).toEqual(parsed);
});

it.each([
  "",
  "hf://",
  "hf://owner",
  "hf://a/b@",
  "hf://a/../x",
  "hf://a/b/../../x",
  "https://example.org/x",
  "hf://a/b/",
  "runs:",
  "runs://melgan",
])("refuses %j", (source) => {
  expect(() => parseWeightsSource(source, options)).toThrow(expect.objectContaining({ code: "CMMD560" }));
});
