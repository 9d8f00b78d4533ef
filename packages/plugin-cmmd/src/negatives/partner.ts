import { type ClipPlace, CmmdError, type Random } from "@cmmd/core";
import { Type } from "@sinclair/typebox";

export const partnerKinds = [
  Type.Literal("another-recording"),
  Type.Literal("same-recording"),
  Type.Literal("any"),
] as const;

type PartnerKind = (typeof partnerKinds)[number]["const"];

const belongs: Readonly<Record<PartnerKind, (clip: ClipPlace, other: ClipPlace) => boolean>> = {
  "another-recording": (clip, other) => other.recording !== clip.recording,
  "same-recording": (clip, other) => other.recording === clip.recording && other.id !== clip.id,
  any: (clip, other) => other.id !== clip.id,
};

/** Draws that are tried before all clips are looked at: nearly always one is enough. */
const tries = 8;

/** A random clip of the pool that stands to `clip` as wanted. Throws CMMD551 when there is none. */
export function partnerOf<C extends ClipPlace>(
  negative: string,
  kind: PartnerKind,
  { clip, pool, random }: { readonly clip: C; readonly pool: readonly C[]; readonly random: Random },
): C {
  const fits = (other: C) => belongs[kind](clip, other);
  for (let i = 0; i < tries && pool.length > 0; i++) {
    const other = pool[random.integer(pool.length)]!;
    if (fits(other)) return other;
  }
  const others = pool.filter(fits);
  if (others.length > 0) return others[random.integer(others.length)]!;
  const wanted =
    kind === "any" ? "other clip" : `other clip of ${kind === "same-recording" ? "its" : "another"} recording`;
  throw new CmmdError(
    "CMMD551",
    `there is no ${wanted} that the negative "${negative}" could take for clip ${clip.id}`,
    {
      hint: `Train on more recordings, or set "with" to ${kind === "another-recording" ? "same-recording" : "another-recording"}.`,
    },
  );
}
