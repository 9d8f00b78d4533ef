import type { tf } from "@cmmd/jit";
import { type DeviceChoice, resolveDevice } from "@cmmd/jit/device";
import { CmmdError } from "../errors.js";
import { mixedNeedsGpu } from "../pipeline/consistency.js";
import type { AnyPipeline, Device } from "../pipeline/resolved.js";

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

/**
 * Computes a product in the pipeline's precision, so that what the device lacks is said before hours of preparation and not when training
 * begins. Throws CMMD218.
 */
export async function tryPrecision({ precision }: AnyPipeline, device: Device): Promise<void> {
  if (precision !== "mixed") return;
  const { jit, JitError, tf: operations } = await import("@cmmd/jit");
  const square = (x: tf.Tensor): tf.Tensor => operations.matMul(x, x);
  const program = jit(square, { device, precision, name: "of mixed precision" });
  try {
    await (await program({ shape: [16, 16], data: new Float32Array(256) })).read();
  } catch (cause) {
    if (!(cause instanceof JitError)) throw cause;
    throw new CmmdError("CMMD218", `"precision: mixed" does not work on ${device}: ${cause.message}`, {
      cause,
      hint: cause.hint ?? mixedNeedsGpu.hint,
      exitCode: 2,
    });
  } finally {
    await program.dispose();
  }
}
