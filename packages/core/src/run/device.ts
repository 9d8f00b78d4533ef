import { type DeviceChoice, resolveDevice } from "@cmmd/jit/device";
import { CmmdError } from "../errors.js";
import { mixedNeedsGpu } from "../pipeline/consistency.js";
import type { AnyPipeline } from "../pipeline/resolved.js";

/**
 * The device that a pipeline runs on and, for the log, why: `auto` takes a real GPU where there is one. Throws CMMD218 when it takes the
 * processor for a pipeline of mixed precision.
 */
export async function deviceOf({ device, engine, backend, precision }: AnyPipeline): Promise<DeviceChoice> {
  if (engine === "tfjs") return { device: "cpu", reason: `programs run on the backend ${backend} of TensorFlow.js` };
  const choice = await resolveDevice(device);
  if (precision === "mixed" && choice.device === "cpu")
    throw new CmmdError("CMMD218", `${mixedNeedsGpu.message} (${choice.reason})`, {
      hint: mixedNeedsGpu.hint,
      exitCode: 2,
    });
  return choice;
}
