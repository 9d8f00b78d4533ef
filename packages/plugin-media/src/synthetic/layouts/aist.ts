/** AIST++'s genres: break, pop, lock, middle hip-hop, LA hip-hop, house, waack, krump, street jazz, ballet jazz. */
const genres = ["BR", "PO", "LO", "MH", "LH", "HO", "WA", "KR", "JS", "JB"] as const;
const dancersPerGenre = 30;

/** Beats per minute of the music `m<genre>0` to `m<genre>5`; AIST's house is faster, from 110 in steps of 5. */
export const tempos = { usual: [80, 90, 100, 110, 120, 130], house: [110, 115, 120, 125, 130] } as const;

/** Whether the `index`-th recording dances to house. */
export function isHouse(index: number): boolean {
  return genres[index % genres.length] === "HO";
}

/** File and sequence names of the `index`-th recording as AIST++ has them: the sequence stands for all its cameras. */
export function aistPlace(index: number, music: number): { readonly id: string; readonly sequence: string } {
  const two = (value: number) => String(value).padStart(2, "0");
  const genre = genres[index % genres.length]!;
  const round = Math.floor(index / genres.length);
  const name = (camera: string) =>
    `g${genre}_sBM_${camera}_d${two(1 + (round % dancersPerGenre))}_m${genre}${music}_ch${two(1 + Math.floor(round / dancersPerGenre))}`;
  return { id: name("c01"), sequence: name("cAll") };
}

/** AIST++'s lists of sequences, without an end of line after the last, and its list of bad sequences, here empty. */
export function aistLists(sequences: { readonly train: readonly string[]; readonly test: readonly string[] }) {
  return {
    "splits/crossmodal_train.txt": sequences.train.join("\n"),
    "splits/crossmodal_val.txt": "",
    "splits/crossmodal_test.txt": sequences.test.join("\n"),
    "ignore_list.txt": "",
  };
}
