import { writeFileSync } from "node:fs";

/** Writes a WAV file of 32-bit floating-point samples, channel by channel. */
export function writeWave(path: string, rate: number, channels: readonly Float32Array[]): string {
  const count = channels[0]!.length;
  const bytes = Buffer.alloc(44 + count * channels.length * 4);
  bytes.write("RIFF", 0);
  bytes.writeUInt32LE(bytes.length - 8, 4);
  bytes.write("WAVEfmt ", 8);
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(3, 20);
  bytes.writeUInt16LE(channels.length, 22);
  bytes.writeUInt32LE(rate, 24);
  bytes.writeUInt32LE(rate * channels.length * 4, 28);
  bytes.writeUInt16LE(channels.length * 4, 32);
  bytes.writeUInt16LE(32, 34);
  bytes.write("data", 36);
  bytes.writeUInt32LE(bytes.length - 44, 40);
  for (let i = 0; i < count; i++)
    channels.forEach((samples, c) => {
      bytes.writeFloatLE(samples[i]!, 44 + (i * channels.length + c) * 4);
    });
  writeFileSync(path, bytes);
  return path;
}
