import { concatenate } from "../data/concatenate.js";
import type { Shards } from "../data/shards.js";
import type { OpenAutoencoder } from "../plugin/components.js";
import type { Frames } from "../plugin/media.js";
import { rowOf, storedContents } from "./encoded-before.js";

/** Bytes of latents kept in memory for clips that overlap those before them. */
const recentBytes = 64 << 20;
/** Pictures that the autoencoder is given at once: between two calls progress is told. */
const picturesPerCall = 32;

/** Encodes pictures, each content once: those that overlapping clips share, and those of earlier artifacts, are taken over. */
export class Encoder {
  readonly #autoencoder: OpenAutoencoder;
  readonly #before: (content: string) => Promise<Float32Array | undefined>;
  readonly #signal: AbortSignal;
  /**
   * Latents by content of the newest clips, with how often these have it. What is in here depends on the clips alone, not on which of them this
   * process has encoded.
   */
  readonly #recent = new Map<string, { readonly latents: Float32Array; times: number }>();
  readonly #clips: { readonly contents: readonly string[]; readonly bytes: number }[] = [];
  #bytes = 0;
  #encoded = 0;
  #taken = 0;
  #seconds = 0;

  constructor(
    autoencoder: OpenAutoencoder,
    before: (content: string) => Promise<Float32Array | undefined>,
    signal: AbortSignal,
  ) {
    this.#autoencoder = autoencoder;
    this.#before = before;
    this.#signal = signal;
  }

  /** [height, width, channels] of the latents of a picture. */
  shape(height: number, width: number): readonly number[] {
    return this.#autoencoder.shape(height, width);
  }

  #keep(contents: readonly string[], latents: readonly Float32Array[]): void {
    contents.forEach((content, i) => {
      const known = this.#recent.get(content);
      if (known) known.times++;
      else this.#recent.set(content, { latents: latents[i]!, times: 1 });
    });
    const bytes = latents.reduce((sum, { byteLength }) => sum + byteLength, 0);
    this.#clips.push({ contents, bytes });
    this.#bytes += bytes;
    while (this.#bytes > recentBytes && this.#clips.length > 1) {
      const oldest = this.#clips.shift()!;
      this.#bytes -= oldest.bytes;
      for (const content of oldest.contents) {
        const known = this.#recent.get(content)!;
        known.times--;
        if (known.times === 0) this.#recent.delete(content);
      }
    }
  }

  /** Takes up clips that are encoded already, as if it had encoded them itself; `ids` are all that come before the next ones. */
  async remember(encoded: Shards, ids: readonly string[]): Promise<void> {
    let from = ids.length;
    for (let bytes = 0; from > 0 && bytes <= recentBytes; from--)
      bytes += (await encoded.tensor(ids[from - 1]!, "latents")).data.byteLength;
    for (const id of ids.slice(from)) {
      const contents = storedContents(await encoded.tensor(id, "contents"));
      const latents = await encoded.tensor(id, "latents");
      this.#keep(
        contents,
        contents.map((_, i) => rowOf(latents, i)),
      );
    }
  }

  /** Latents [count, ...] of each of the clips, whose pictures have the given contents. `progress` is told the part that is done. */
  async encode(
    clips: readonly Frames[],
    contents: readonly (readonly string[])[],
    progress: (part: number) => void,
  ): Promise<Float32Array[]> {
    const found = new Map<string, Float32Array>();
    const missing = new Map<string, Uint8Array>();
    for (const [i, clip] of clips.entries()) {
      const size = clip.height * clip.width * 3;
      for (const [frame, content] of contents[i]!.entries()) {
        if (found.has(content) || missing.has(content)) continue;
        const latents = this.#recent.get(content)?.latents ?? (await this.#before(content));
        if (latents) found.set(content, latents);
        else missing.set(content, clip.data.subarray(frame * size, (frame + 1) * size));
      }
    }
    const pictures = [...missing];
    for (let at = 0; at < pictures.length; at += picturesPerCall) {
      this.#signal.throwIfAborted();
      const part = pictures.slice(at, at + picturesPerCall);
      const latents = await this.#compute(
        part.map(([, picture]) => picture),
        clips[0]!,
      );
      part.forEach(([content], i) => {
        found.set(content, latents[i]!);
      });
      progress((at + part.length) / pictures.length);
    }
    this.#encoded += pictures.length;
    this.#taken += clips.reduce((sum, { count }) => sum + count, 0) - pictures.length;
    return contents.map((its) => {
      const latents = its.map((content) => found.get(content)!);
      this.#keep(its, latents);
      return concatenate(latents);
    });
  }

  /** Latents of pictures of one size. */
  async #compute(pictures: readonly Uint8Array[], { height, width }: Frames): Promise<Float32Array[]> {
    const data = new Uint8Array(pictures.length * height * width * 3);
    pictures.forEach((picture, i) => {
      data.set(picture, i * picture.length);
    });
    const opening = this.#opening;
    const start = performance.now();
    const latents = await this.#autoencoder.encode({ count: pictures.length, height, width, data });
    this.#seconds += (performance.now() - start) / 1000 - (this.#opening - opening);
    const each = latents.length / pictures.length;
    return pictures.map((_, i) => latents.slice(i * each, (i + 1) * each));
  }

  get #opening(): number {
    return this.#autoencoder.spent?.().opening ?? 0;
  }

  /** The part of so many seconds of encoding, without opening the network, in which it computed; undefined where there was none to compute. */
  share(seconds: number): number | undefined {
    const spent = this.#autoencoder.spent?.();
    return spent && this.#encoded > 0 ? spent.network / (seconds - spent.opening) : undefined;
  }

  /** What was done, in a line. */
  get summary(): string {
    const rate = this.#seconds > 0 ? `${(this.#encoded / this.#seconds).toPrecision(3)} frames/s, ` : "";
    const taken = this.#taken > 0 ? `, ${this.#taken} taken from equal frames encoded before` : "";
    return `${rate}${this.#encoded} frames encoded${taken}`;
  }
}
