import { writeSafetensors } from "../data/safetensors.js";
import { CmmdError } from "../errors.js";
import { readPytorch } from "./pytorch.js";

/** Writes the tensors of a PyTorch file as safetensors. Throws CMMD573, CMMD574, and CMMD576 where a file cannot be read or written. */
export async function importPytorch(path: string, output: string) {
  try {
    const { tensors, left } = await readPytorch(path);
    await writeSafetensors(output, tensors);
    const all = Object.values(tensors);
    return { tensors: all.length, numbers: all.reduce((sum, { data }) => sum + data.length, 0), left };
  } catch (cause) {
    if (cause instanceof CmmdError || !(cause instanceof Error) || !("code" in cause)) throw cause;
    throw new CmmdError("CMMD576", `${path} cannot be imported to ${output}: ${cause.message}`, {
      hint: "Check both paths and their permissions.",
      exitCode: 2,
      cause,
    });
  }
}
