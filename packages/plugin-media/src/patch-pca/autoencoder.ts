import { type AutoencoderBody, CmmdError, type Frames, type NamedTensors, type OpenAutoencoder } from "@cmmd/core";
import { fitPatches } from "./fit.js";
import type { PatchPcaOptions } from "./options.js";
import { grid, readPatch, writePatch } from "./patches.js";

export const patchPcaAutoencoder: AutoencoderBody<PatchPcaOptions> = {
  fit: fitPatches,
  async open(weights, options) {
    return openWeights(weights, options);
  },
};

interface Basis {
  readonly mean: Float64Array;
  /** [channels, d] */
  readonly components: Float64Array;
  readonly deviation: Float64Array;
}

function openWeights(weights: NamedTensors | undefined, { patch, channels }: PatchPcaOptions): OpenAutoencoder {
  const basis = readBasis(weights, patch, channels);
  const d = patch * patch * 3;
  return {
    shape: (height, width) => {
      const { rows, columns } = grid(height, width, patch);
      return [rows, columns, channels];
    },
    async encode(frames) {
      const { rows, columns } = grid(frames.height, frames.width, patch);
      const latents = new Float32Array(frames.count * rows * columns * channels);
      const values = new Float64Array(d);
      forEachPlace(frames.count, rows, columns, (place, frame, row, column) => {
        readPatch(frames, frame, row, column, patch, values);
        for (let i = 0; i < d; i++) values[i]! -= basis.mean[i]!;
        for (let c = 0; c < channels; c++) {
          let sum = 0;
          for (let i = 0; i < d; i++) sum += basis.components[c * d + i]! * values[i]!;
          latents[place * channels + c] = sum / basis.deviation[c]!;
        }
      });
      return latents;
    },
    async decode(latents, count, height, width) {
      const { rows, columns } = grid(height, width, patch);
      const frames: Frames = { count, height, width, data: new Uint8Array(count * height * width * 3) };
      const values = new Float64Array(d);
      forEachPlace(count, rows, columns, (place, frame, row, column) => {
        values.set(basis.mean);
        for (let c = 0; c < channels; c++) {
          const amount = latents[place * channels + c]! * basis.deviation[c]!;
          for (let i = 0; i < d; i++) values[i]! += amount * basis.components[c * d + i]!;
        }
        writePatch(values, frames, frame, row, column, patch);
      });
      return frames;
    },
    dispose: async () => {},
  };
}

function forEachPlace(
  count: number,
  rows: number,
  columns: number,
  visit: (place: number, frame: number, row: number, column: number) => void,
): void {
  for (let frame = 0, place = 0; frame < count; frame++)
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) visit(place++, frame, row, column);
}

function readBasis(weights: NamedTensors | undefined, patch: number, channels: number): Basis {
  const d = patch * patch * 3;
  const read = (name: string, shape: readonly number[]) => {
    const tensor = weights?.[name];
    if (tensor && tensor.shape.join() === shape.join()) return Float64Array.from(tensor.data);
    throw new CmmdError(
      "CMMD309",
      `patch-pca weights ${tensor ? `have ${name} [${tensor.shape}], not [${shape}]` : `lack ${name} [${shape}]`}`,
      { hint: "They were fitted with other options; run the stage `encode` again." },
    );
  };
  return {
    mean: read("mean", [d]),
    components: read("components", [channels, d]),
    deviation: read("deviation", [channels]),
  };
}
