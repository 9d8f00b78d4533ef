import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { chooseDevice } from "./choose-device.js";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** Files as Linux and Debian's Mesa and NVIDIA packages lay them out. */
function linux(files: Readonly<Record<string, string>>, env: Readonly<Record<string, string>> = {}) {
  const root = mkdtempSync(join(tmpdir(), "jit-machine-"));
  folders.push(root);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return chooseDevice({ platform: "linux", env, root });
}

const mesa = {
  "usr/share/vulkan/icd.d/intel_icd.x86_64.json": "{}",
  "usr/share/vulkan/icd.d/lvp_icd.x86_64.json": "{}",
  "usr/share/vulkan/icd.d/radeon_icd.x86_64.json": "{}",
};
const card = (vendor: string) => ({ "sys/class/drm/renderD128/device/vendor": `${vendor}\n` });
const nvidia = { "dev/nvidiactl": "", "etc/vulkan/icd.d/nvidia_icd.json": "{}" };
const swiftShader = { VK_ICD_FILENAMES: "/usr/lib/chromium/vk_swiftshader_icd.json" };

describe("device auto", () => {
  it("takes a real GPU with its driver", () => {
    expect(linux({ ...mesa, ...card("0x1002") })).toEqual({ device: "webgpu", reason: "the GPU: AMD, through Vulkan" });
    expect(linux({ ...mesa, ...card("0x8086") }).reason).toBe("the GPU: Intel, through Vulkan");
    expect(linux(nvidia).device).toBe("webgpu");
    expect(chooseDevice({ platform: "darwin", env: {}, root: "/" }).device).toBe("webgpu");
  });

  it("never takes a software driver, and says why", () => {
    expect(linux(mesa)).toEqual({
      device: "cpu",
      reason: "the processor: no GPU of NVIDIA, AMD or Intel is visible",
    });
    expect(linux({}, swiftShader).device).toBe("cpu");
    expect(linux({ ...mesa, ...card("0x1af4") }).device).toBe("cpu");
    expect(linux({ ...nvidia, ...mesa }, swiftShader).reason).toMatch(
      /NVIDIA is here, but the environment asks for the Vulkan driver .*swiftshader/,
    );
    expect(linux({ ...mesa, "dev/nvidiactl": "" }).reason).toMatch(/no Vulkan driver for it/);
    expect(chooseDevice({ platform: "aix", env: {}, root: "/" }).device).toBe("cpu");
  });
});
