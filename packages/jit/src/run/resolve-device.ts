import { chooseDevice, type DeviceChoice } from "./choose-device.js";
import type { Device } from "./device.js";

export type { DeviceChoice } from "./choose-device.js";

/**
 * The device to use. `auto` is a real GPU where there is one and a program opens on it, else the processor; never a software GPU.
 * A device asked for by name is not tried: what it lacks is said where it is used.
 */
export async function resolveDevice(asked: Device | "auto"): Promise<DeviceChoice> {
  if (asked !== "auto") return { device: asked, reason: "as asked" };
  const choice = chooseDevice();
  if (choice.device === "cpu") return choice;
  const { tryDevice } = await import("./session.js");
  try {
    await tryDevice(choice.device);
    return choice;
  } catch (cause) {
    return { device: "cpu", reason: `the processor: ${(cause as Error).message}` };
  }
}
