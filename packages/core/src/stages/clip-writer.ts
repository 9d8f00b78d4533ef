import { join } from "node:path";
import { type ShardRow, ShardWriter } from "../data/shards.js";
import type { NamedTensors } from "../plugin/tensors.js";

/** Folder, in the artifact of `prepare`, of the shards with the clips' pictures: what `prepare.keep: latents` drops. */
export const picturesFolder = "pictures";

/**
 * Writes prepared clips: their `frames` into shards of their own in `pictures/`, everything else and the index beside it. Resumes as
 * `ShardWriter` does; shards of both kinds end with the same clip, so that a kill costs no pictures for want of the few bytes beside them.
 */
export class ClipWriter {
  readonly #clips: ShardWriter;
  readonly #pictures: ShardWriter;
  readonly #shardBytes: number;
  #bytes = 0;

  private constructor(clips: ShardWriter, pictures: ShardWriter, shardBytes: number) {
    this.#clips = clips;
    this.#pictures = pictures;
    this.#shardBytes = shardBytes;
  }

  /** Shards end when the clips in a pair of them have `shardBytes` bytes, pictures and all. */
  static async open(folder: string, shardBytes = 256e6): Promise<ClipWriter> {
    const never = { shardBytes: Number.POSITIVE_INFINITY };
    return new ClipWriter(
      await ShardWriter.open(folder, never),
      await ShardWriter.open(join(folder, picturesFolder), never),
      shardBytes,
    );
  }

  /** All clips added so far, in order. */
  get index(): readonly ShardRow[] {
    return this.#clips.index;
  }

  /** Whether nothing of the clip has to be added again. */
  has(id: string): boolean {
    return this.#clips.has(id) && this.#pictures.has(id);
  }

  /** Adds a clip, or what a kill left out of it. */
  async add(id: string, { frames, ...tensors }: NamedTensors, row: Readonly<Record<string, unknown>>): Promise<void> {
    if (!this.#pictures.has(id)) await this.#pictures.add(id, { frames: frames! }, {});
    if (!this.#clips.has(id)) await this.#clips.add(id, tensors, row);
    for (const { data } of [frames!, ...Object.values(tensors)]) this.#bytes += data.byteLength;
    if (this.#bytes >= this.#shardBytes) await this.close();
  }

  /** Writes what is left. A clip is indexed when its pictures are. */
  async close(): Promise<void> {
    await this.#pictures.close();
    await this.#clips.close();
    this.#bytes = 0;
  }
}
