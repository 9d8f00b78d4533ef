/** Which backend the tests run on, read by tfjs's `describeWithFlags` as every test file is loaded; and what runs on the cpu all the same. */
import { getKernelsForBackend } from "@tensorflow/tfjs-core";
import { setTestEnvs } from "@tensorflow/tfjs-core/dist/jasmine_util.js";

const backendName = process.env.TFJS_TEST_BACKEND;
setTestEnvs([{ name: backendName, backendName, flags: {}, isDataSync: true }]);

/** Kernels of tfjs's cpu backend that ran since the set was cleared, on tensors with elements. */
globalThis.cpuKernels = new Set();

const isEmpty = (info) => info?.shape?.includes(0) ?? false;

for (const kernel of getKernelsForBackend("cpu")) {
  const { kernelName, kernelFunc } = kernel;
  kernel.kernelFunc = (args) => {
    if (!Object.values(args.inputs).some(isEmpty)) globalThis.cpuKernels.add(kernelName);
    return kernelFunc(args);
  };
}
