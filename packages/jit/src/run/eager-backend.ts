import * as tf from "@tensorflow/tfjs";
import { JitError } from "../errors.js";
import { composeConvolutions } from "../nn/conv-composed.js";

/** Packages that bring tfjs's backends, the best first. None is a dependency: they are used where they are installed. */
const packages: readonly (readonly [backend: string, packageName: string])[] = [
  ["tensorflow", "@tensorflow/tfjs-node-gpu"],
  ["tensorflow", "@tensorflow/tfjs-node"],
  ["wasm", "@tensorflow/tfjs-backend-wasm"],
];

async function installed(packageName: string): Promise<boolean> {
  try {
    await import(packageName);
    return true;
  } catch {
    return false;
  }
}

async function registered(name: string): Promise<boolean> {
  if (tf.engine().registryFactory[name] !== undefined) return true;
  for (const [backend, packageName] of packages) {
    if (backend === name && (await installed(packageName))) return true;
  }
  return false;
}

async function best(): Promise<string> {
  for (const [backend] of packages) if (await registered(backend)) return backend;
  return "cpu";
}

/** Makes a tfjs backend ready, by default the best that is installed, and returns its name. Throws JIT303. */
export async function readyBackend(asked: string | undefined): Promise<string> {
  // Without a current backend tfjs would take a newly registered one, before it is ready.
  if (!tf.getBackend()) await tf.setBackend("cpu");
  const before = tf.getBackend();
  const name = asked ?? (await best());
  const ready = (await registered(name)) && (await tf.setBackend(name).catch(() => false));
  await tf.setBackend(before);
  if (!ready) {
    const packageName = packages.find(([backend]) => backend === name)?.[1];
    throw new JitError("JIT303", `tfjs has no backend ${name} here`, {
      hint: packageName
        ? `Install it: npm install ${packageName}`
        : `Use ${[...new Set(packages.map(([backend]) => backend))].join(", ")} or cpu.`,
    });
  }
  composeConvolutions(name);
  return name;
}
