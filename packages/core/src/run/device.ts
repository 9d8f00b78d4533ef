import { type DeviceChoice, resolveDevice } from "@cmmd/jit/device";
import type { ResolvedPipeline } from "../pipeline/resolved.js";

/** The device that a pipeline runs on and, for the log, why: `auto` takes a real GPU where there is one. */
export function deviceOf({ device }: ResolvedPipeline): Promise<DeviceChoice> {
  return resolveDevice(device);
}
