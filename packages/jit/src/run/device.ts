/** Where a program runs. */
export type Device = "cpu" | "webgpu" | "cuda";
