import { isAbsolute, join } from "node:path";
import { CmmdError } from "../errors.js";

/** Where weights come from: a file on this machine, one of a training in the store, or one of a repository on the Hugging Face hub. */
export type WeightsSource =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "run"; readonly run: string; readonly file: string }
  | { readonly kind: "hub"; readonly repository: string; readonly revision: string; readonly file: string };

const scheme = "hf://";
const runScheme = "runs:";
const hubPattern = /^hf:\/\/([\w.-]+\/[\w.-]+?)(?:@([^/]+))?(?:\/(.+))?$/;

/**
 * Reads `hf://owner/repo[@revision][/file]`, `runs:pipeline[@step]` or a path, which is relative to `base`. `file` is what a repository's or a
 * training's weights are called when the source names no file; a slash in a revision is written %2F. Throws CMMD560.
 */
export function parseWeightsSource(source: string, { base, file }: { readonly base: string; readonly file: string }) {
  const malformed = (why: string) =>
    new CmmdError("CMMD560", `"${source}" does not say where weights are: ${why}`, {
      hint: "Write a path, runs:PIPELINE, or hf://owner/repo, hf://owner/repo@revision or hf://owner/repo@revision/file.",
      exitCode: 2,
    });
  if (source.startsWith(runScheme)) {
    const run = source.slice(runScheme.length);
    if (run === "" || run.startsWith("/")) throw malformed("it names no pipeline");
    return { kind: "run", run, file } satisfies WeightsSource;
  }
  if (!source.startsWith(scheme)) {
    const other = /^(\w{2,}):\/\//.exec(source);
    if (other) throw malformed(`"${other[1]}" is no place that weights are fetched from`);
    if (source === "") throw malformed("it is empty");
    return { kind: "file", path: isAbsolute(source) ? source : join(base, source) } satisfies WeightsSource;
  }
  const [, repository, revision = "main", named = file] = hubPattern.exec(source) ?? [];
  if (repository === undefined) throw malformed("it is no address of a repository");
  const parts = [...repository.split("/"), ...named.split("/"), decodeURIComponent(revision)];
  if (parts.some((part) => part === "" || part === "." || part === ".."))
    throw malformed("a part of it is empty or dots");
  return { kind: "hub", repository, revision: decodeURIComponent(revision), file: named } satisfies WeightsSource;
}
