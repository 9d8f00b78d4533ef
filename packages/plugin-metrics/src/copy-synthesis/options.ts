import { Type } from "@sinclair/typebox";

export const copySynthesisOptions = Type.Object({}, { additionalProperties: false });
