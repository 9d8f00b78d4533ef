import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Device } from "./device.js";

/** A device and why it was taken, as a sentence for the log. */
export interface DeviceChoice {
  readonly device: Device;
  readonly reason: string;
}

/** Where the operating system says what there is. */
export interface Machine {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder that stands for `/`. */
  readonly root: string;
}

interface Maker {
  readonly name: string;
  /** PCI vendor id, as Linux prints it. */
  readonly vendor: string;
  /** Names of its Vulkan drivers' description files. */
  readonly driver: RegExp;
  /** Names of its cards on Windows. */
  readonly card: RegExp;
}

/** Makers of GPUs. Display adapters of virtual machines and servers have other vendors; software drivers have other names. */
const makers: readonly Maker[] = [
  { name: "NVIDIA", vendor: "0x10de", driver: /nvidia|nouveau/i, card: /nvidia|geforce|quadro/i },
  { name: "AMD", vendor: "0x1002", driver: /radeon|amd/i, card: /radeon|\bamd\b/i },
  { name: "Intel", vendor: "0x8086", driver: /intel/i, card: /intel.*(graphics|iris|arc)/i },
];

const cpu = (why: string): DeviceChoice => ({ device: "cpu", reason: `the processor: ${why}` });
const gpu = (what: string): DeviceChoice => ({ device: "webgpu", reason: `the GPU: ${what}` });

/**
 * The device for `auto`: WebGPU where the operating system names a real GPU with a driver for it, never a software driver; the processor
 * when in doubt. It looks at files alone: opening the device is the caller's.
 */
export function chooseDevice(
  machine: Machine = { platform: process.platform, env: process.env, root: "/" },
): DeviceChoice {
  return (byPlatform[machine.platform] ?? (() => cpu(`no GPU is supported on ${machine.platform}`)))(machine);
}

const byPlatform: Partial<Record<NodeJS.Platform, (machine: Machine) => DeviceChoice>> = {
  darwin: () => gpu("through Metal, as on every Mac"),
  linux: onLinux,
  win32: onWindows,
};

function onLinux({ env, root }: Machine): DeviceChoice {
  const drm = join(root, "sys/class/drm");
  const vendors = list(drm)
    .filter((name) => /^renderD\d+$/.test(name))
    .map((name) => read(join(drm, name, "device/vendor")).trim());
  const nvidia = list(join(root, "dev")).includes("nvidiactl") ? ["0x10de"] : [];
  const present = makers.filter(({ vendor }) => [...vendors, ...nvidia].includes(vendor));
  if (present.length === 0) return cpu("no GPU of NVIDIA, AMD or Intel is visible");

  const chosen = env.VK_DRIVER_FILES ?? env.VK_ICD_FILENAMES;
  const folders = ["usr/share/vulkan/icd.d", "usr/local/share/vulkan/icd.d", "etc/vulkan/icd.d"];
  const drivers = chosen?.split(":") ?? folders.flatMap((folder) => list(join(root, folder)));
  const usable = present.find(({ driver }) => drivers.some((path) => driver.test(path)));
  if (usable) return gpu(`${usable.name}, through Vulkan`);
  const names = present.map(({ name }) => name).join(" and ");
  return cpu(
    chosen === undefined
      ? `a GPU of ${names} is here, but no Vulkan driver for it (see /usr/share/vulkan/icd.d)`
      : `a GPU of ${names} is here, but the environment asks for the Vulkan driver ${chosen}`,
  );
}

/** Descriptions of the display adapters in Windows' registry; a server without a GPU has "Microsoft Basic Display Adapter". */
const displayAdapters = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Class\\{4d36e968-e325-11ce-bfc1-08002be10318}";

function onWindows({ env }: Machine): DeviceChoice {
  const program = join(env.SystemRoot ?? "C:\\Windows", "System32", "reg.exe");
  let text: string;
  try {
    text = execFileSync(program, ["query", displayAdapters, "/s", "/v", "DriverDesc"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
  } catch {
    return cpu("Windows does not say which GPU there is");
  }
  const maker = makers.find(({ card }) => card.test(text));
  return maker ? gpu(`${maker.name}, through Direct3D 12`) : cpu("no GPU of NVIDIA, AMD or Intel is installed");
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
