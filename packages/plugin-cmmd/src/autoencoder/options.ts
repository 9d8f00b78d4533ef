import { Type } from "@sinclair/typebox";

/** What every autoencoder that is a network can be told about memory. */
export const limitOptions = {
  batch: Type.Integer({ minimum: 1, default: 4, description: "Pictures that are computed at once." }),
  memory_mb: Type.Integer({
    minimum: 1,
    default: 4000,
    description:
      "Megabytes that encoding, or decoding, may take besides the process itself, weights included. Larger pictures are computed in overlapping tiles, which is not the same to the last digit.",
  }),
};
