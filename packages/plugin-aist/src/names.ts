/** AIST's genres: break, pop, lock, middle hip-hop, LA-style hip-hop, house, waack, krump, street jazz, ballet jazz. */
export const genres = ["BR", "PO", "LO", "MH", "LH", "HO", "WA", "KR", "JS", "JB"] as const;
type Genre = (typeof genres)[number];

/** AIST's situations: basic dance, advanced dance, group dance, showcase, cypher, battle, moving camera. */
export const situations = ["BM", "FM", "GR", "SH", "CY", "BT", "MO"] as const;
type Situation = (typeof situations)[number];

/** The nine cameras of the studio; c01 stands in front of the dancer. */
export const cameras = ["c01", "c02", "c03", "c04", "c05", "c06", "c07", "c08", "c09"] as const;
type Camera = (typeof cameras)[number];

export interface AistName {
  readonly genre: Genre;
  readonly situation: Situation;
  /** `cAll` in the name of a sequence, which stands for all its cameras. */
  readonly camera: Camera | "cAll";
  /** e.g. `mBR0` */
  readonly music: string;
  /** Beats per minute of the music. */
  readonly tempo: number;
}

const grammar = new RegExp(
  `^g(?<genre>${genres.join("|")})_s(?<situation>${situations.join("|")})_(?<camera>c0[1-9]|cAll)_d\\d\\d(?:_d\\d\\d)*_(?<music>m(?:${genres.join("|")})\\d)_ch\\d\\d`,
);

/** What a sequence's or a file's name says, e.g. `gBR_sBM_c01_d04_mBR0_ch01`; a cut-out may add to it. Undefined for other names. */
export function parseName(name: string): AistName | undefined {
  const found = grammar.exec(name)?.groups as unknown as Omit<AistName, "tempo"> | undefined;
  return found && { ...found, tempo: tempoOf(found.music) };
}

/** Beats per minute of a music id: `mBR0` to `mBR5` have 80 to 130 in steps of 10, house has 110 to 135 in steps of 5. */
function tempoOf(music: string): number {
  const step = Number(music.at(-1));
  return music.startsWith("mHO") ? 110 + 5 * step : 80 + 10 * step;
}
