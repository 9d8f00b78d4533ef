import type { Component, TransformBody } from "@cmmd/core";
import type { Static, TSchema } from "@sinclair/typebox";

/** The FFmpeg expression of a filter transform. */
export function filterOf<O extends TSchema>(
  transform: Component<O, TransformBody<Static<O>>>,
  options: Static<O>,
): string {
  if ("load" in transform || transform.modality === "features") throw new Error("not a filter in place");
  return transform.filter(options);
}
