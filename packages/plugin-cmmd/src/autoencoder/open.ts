import { CmmdError, type Context, type Frames, type NamedTensors, type OpenAutoencoder } from "@cmmd/core";
import { jit, type tf } from "@cmmd/jit";
import type { Parameters } from "./sequence.js";
import { cutTile, Mosaic, tilesAlong } from "./tiles.js";

/** Pixels of a picture for each latent, along each axis. */
const factor = 8;

/** One direction of an autoencoder. */
interface Direction {
  /** Traced: pictures in, pictures out, channels-last. */
  apply(weights: Parameters, x: tf.Tensor4D): tf.Tensor4D;
  /** Read when the direction is first used. */
  weights(): Promise<NamedTensors>;
}

export interface Networks {
  /** For messages. */
  readonly name: string;
  readonly latentChannels: number;
  /** Pictures in [0, 1] to what `toLatents` takes. */
  readonly encoder: Direction & { readonly channels: number };
  /** Latents to pictures in [0, 1]. */
  readonly decoder: Direction;
  /** Latents of one picture [h, w, latentChannels] from what the encoder gave for it and from its bytes. */
  toLatents(encoded: Float32Array, picture: Uint8Array): Float32Array;
}

export interface Limits {
  /** Pictures that are computed at once. */
  readonly batch: number;
  /** Megabytes that a direction may take, its weights included; larger pictures are computed in tiles. */
  readonly memory_mb: number;
}

/** Sides of the smallest tiles, in latents, and their steps: in smaller ones there is more overlap than picture. */
const smallestTile = 8;
const tileStep = 4;

interface Fit {
  /** Side of a tile in latents. */
  readonly tile: number;
  /** Tiles that are computed at once. */
  readonly batch: number;
}

interface Extent {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** One direction, compiled when it is first used; pictures in batches of one size and, where they are too large, in tiles. */
class Runner {
  readonly #direction: Direction;
  readonly #limits: Limits;
  readonly #name: string;
  readonly #context: Context;
  readonly #program: ReturnType<typeof programOf>;
  readonly #fits = new Map<string, Fit>();
  #weights: Promise<NamedTensors> | undefined;
  /** Seconds. */
  readonly spent = { network: 0, opening: 0 };

  constructor(name: string, direction: Direction, limits: Limits, context: Context) {
    this.#name = name;
    this.#direction = direction;
    this.#limits = limits;
    this.#context = context;
    this.#program = programOf(name, direction, context);
  }

  /** Bytes that a program for so many tiles takes: `held` by the weights and what the runtime makes of them, `computed` on the way. */
  #bytes(weights: NamedTensors, tiles: number, rows: number, columns: number, unit: number, channels: number) {
    const shape = [tiles, rows * unit, columns * unit, channels];
    const x = { shape, data: new Float32Array(shape.reduce((a, b) => a * b)) };
    const { inputs, frozen, computed, packed, results, intermediates } = this.#program.inspect(weights, x).memory;
    const held = frozen + computed + packed;
    const onTheWay = inputs - frozen + results + intermediates;
    return { held, computed: onTheWay, all: held + onTheWay };
  }

  /** Side of a tile in latents, and pictures at once, that keep to the memory. Throws CMMD566. */
  #fit(weights: NamedTensors, { height, width, channels }: Extent, unit: number): Fit {
    const [rows, columns] = [height / unit, width / unit];
    const known = this.#fits.get(`${rows}x${columns}`);
    if (known) return known;
    const most = this.#limits.memory_mb * 1e6;
    const bytes = (tileRows: number, tileColumns: number, tiles = 1) =>
      this.#bytes(weights, tiles, tileRows, tileColumns, unit, channels);
    const one = bytes(rows, columns);
    let batch = Math.max(1, Math.min(this.#limits.batch, Math.floor((most - one.held) / one.computed)));
    while (batch > 1 && bytes(rows, columns, batch).all > most) batch--;
    let fit: Fit = { tile: Math.max(rows, columns), batch };
    if (one.all > most) {
      // Less than proportional to the area, as weights take what they take; a multiple of the step keeps the coarsest level even.
      const proportional = Math.floor(Math.sqrt((rows * columns * most) / one.all) / tileStep) * tileStep;
      let tile = Math.max(smallestTile, proportional);
      while (tile >= smallestTile && bytes(tile, tile).all > most) tile -= tileStep;
      if (tile < smallestTile) {
        const needed = Math.ceil(bytes(smallestTile, smallestTile).all / 1e6);
        throw new CmmdError(
          "CMMD566",
          `${this.#name}: memory_mb: ${this.#limits.memory_mb} is not enough for a tile of ${smallestTile * factor} pixels`,
          { hint: `Write memory_mb: ${needed} or more.`, exitCode: 2 },
        );
      }
      fit = { tile, batch: 1 };
      this.#context.log(
        `${this.#name}: pictures of ${columns * factor}x${rows * factor} in tiles of ${tile * factor} pixels, to take at most ${this.#limits.memory_mb} MB; norms and attention then see a tile, not the picture`,
      );
    }
    this.#fits.set(`${rows}x${columns}`, fit);
    return fit;
  }

  async #compute(weights: NamedTensors, shape: readonly number[], data: Float32Array): Promise<Float32Array> {
    this.#context.signal.throwIfAborted();
    const start = performance.now();
    await this.#program.prepare(weights, { shape, data });
    const opened = performance.now();
    const result = await this.#program(weights, { shape, data });
    const { data: values } = await result.read();
    result.dispose();
    this.spent.opening += (opened - start) / 1000;
    this.spent.network += (performance.now() - opened) / 1000;
    return values as Float32Array;
  }

  /** Pictures [count, ...from] to [count, ...to]. `unit`: how many places of `from` and of `to` a latent has along an axis. */
  async run(
    pictures: Float32Array,
    from: Extent,
    to: Extent,
    unit: { readonly from: number; readonly to: number },
  ): Promise<Float32Array> {
    this.#weights ??= this.#direction.weights();
    const weights = await this.#weights;
    const { tile, batch } = this.#fit(weights, from, unit.from);
    const down = tilesAlong(from.height / unit.from, tile);
    const across = tilesAlong(from.width / unit.from, tile);
    const corners = down.starts.flatMap((y) => across.starts.map((x) => [y, x] as const));
    const given = [down.size * unit.from, across.size * unit.from] as const;
    const made = [down.size * unit.to, across.size * unit.to] as const;
    const shape = [batch, ...given, from.channels];
    const perPicture = from.height * from.width * from.channels;
    const perResult = to.height * to.width * to.channels;
    const count = pictures.length / perPicture;
    const out = new Float32Array(count * perResult);
    for (let at = 0; at < count; at += batch) {
      const present = Math.min(batch, count - at);
      // A batch that is not full is filled up with zeros, as another size would be another program.
      const filled = new Float32Array(batch * perPicture);
      filled.set(pictures.subarray(at * perPicture, (at + present) * perPicture));
      let results: Float32Array;
      if (corners.length === 1) results = await this.#compute(weights, shape, filled);
      else {
        const mosaic = new Mosaic(batch, to);
        for (const [y, x] of corners) {
          const data = cutTile(filled, from, [y * unit.from, x * unit.from], given);
          mosaic.add(await this.#compute(weights, shape, data), [y * unit.to, x * unit.to], made);
        }
        results = mosaic.finish();
      }
      out.set(results.subarray(0, present * perResult), at * perResult);
    }
    return out;
  }

  dispose(): Promise<void> {
    return this.#program.dispose();
  }
}

const programOf = (name: string, { apply }: Direction, { computing }: Context) =>
  jit((weights: Record<string, tf.Tensor>, x: tf.Tensor) => apply(weights, x as tf.Tensor4D), {
    ...computing,
    name,
    freeze: [0],
  });

function toFloats(bytes: Uint8Array): Float32Array {
  const floats = new Float32Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) floats[i] = bytes[i]! / 255;
  return floats;
}

function toBytes(floats: Float32Array): Uint8Array {
  // Clamps and rounds.
  const bytes = new Uint8ClampedArray(floats.length);
  for (let i = 0; i < floats.length; i++) bytes[i] = floats[i]! * 255;
  return new Uint8Array(bytes.buffer);
}

function checkPicture(name: string, height: number, width: number): void {
  if (height % factor === 0 && width % factor === 0) return;
  const near = (size: number) => Math.max(factor, Math.round(size / factor) * factor);
  throw new CmmdError(
    "CMMD565",
    `${name} needs pictures whose sides are multiples of ${factor}, but these are ${width}x${height}`,
    {
      hint: `Resize or crop them to ${near(width)}x${near(height)} in prepare.video.`,
      exitCode: 2,
    },
  );
}

function checkFinite(name: string, values: Float32Array): void {
  if (values.every(Number.isFinite)) return;
  throw new CmmdError("CMMD567", `${name}: its encoder gives values that are not finite`, {
    hint: "The weights are damaged or belong to another network. Fetch them again.",
  });
}

/** An autoencoder of two networks that make one latent of 8x8 pixels. Throws CMMD565 to CMMD567. */
export function openNetworks(networks: Networks, limits: Limits, context: Context): OpenAutoencoder {
  const { name, latentChannels: channels } = networks;
  const encoder = new Runner(`${name} encoder`, networks.encoder, limits, context);
  const decoder = new Runner(`${name} decoder`, networks.decoder, limits, context);
  const shape = (height: number, width: number) => {
    checkPicture(name, height, width);
    return [height / factor, width / factor, channels] as const;
  };
  return {
    shape,
    async encode({ count, height, width, data }: Frames) {
      const [rows, columns] = shape(height, width);
      const perPicture = height * width * 3;
      if (data.length !== count * perPicture)
        throw new RangeError(
          `${count} pictures of ${width}x${height} have ${count * perPicture} bytes, not ${data.length}`,
        );
      const encoded = await encoder.run(
        toFloats(data),
        { height, width, channels: 3 },
        { height: rows, width: columns, channels: networks.encoder.channels },
        { from: factor, to: 1 },
      );
      const latents = new Float32Array(count * rows * columns * channels);
      const perEncoded = encoded.length / count;
      for (let i = 0; i < count; i++)
        latents.set(
          networks.toLatents(
            encoded.subarray(i * perEncoded, (i + 1) * perEncoded),
            data.subarray(i * perPicture, (i + 1) * perPicture),
          ),
          i * rows * columns * channels,
        );
      checkFinite(name, latents);
      return latents;
    },
    async decode(latents, count, height, width) {
      const [rows, columns] = shape(height, width);
      if (latents.length !== count * rows * columns * channels)
        throw new RangeError(
          `${count} pictures of ${width}x${height} have ${count * rows * columns * channels} latents, not ${latents.length}`,
        );
      const pictures = await decoder.run(
        latents,
        { height: rows, width: columns, channels },
        { height, width, channels: 3 },
        { from: 1, to: factor },
      );
      return { count, height, width, data: toBytes(pictures) };
    },
    spent: () => ({
      network: encoder.spent.network + decoder.spent.network,
      opening: encoder.spent.opening + decoder.spent.opening,
    }),
    async dispose() {
      await Promise.all([encoder.dispose(), decoder.dispose()]);
    },
  };
}
