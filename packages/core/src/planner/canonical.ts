import { createHash } from "node:crypto";
import type { Json } from "../plugin/components.js";

const isList = (value: Json): value is readonly Json[] => Array.isArray(value);

/** Canonical JSON (RFC 8785): keys sorted by UTF-16 units, no white space, absent members left out. Throws for numbers that JSON lacks. */
export function canonicalJson(value: Json): string {
  if (typeof value === "number" && !Number.isFinite(value)) throw new RangeError(`${value} has no form in JSON`);
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (isList(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const members = Object.keys(value)
    .sort()
    .flatMap((key) => (value[key] === undefined ? [] : `${JSON.stringify(key)}:${canonicalJson(value[key])}`));
  return `{${members.join(",")}}`;
}

/** SHA-256, in hexadecimal, of the canonical JSON of a stage's description. */
export function keyOf(description: Json): string {
  return createHash("sha256").update(canonicalJson(description)).digest("hex");
}
