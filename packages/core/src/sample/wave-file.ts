import type { Waveform } from "../plugin/media.js";

const headerBytes = 44;
const fullScale = 32767;

/** A mono WAV file of 16-bit samples (RIFF, PCM); what exceeds [-1, 1] is clipped. */
export function waveFile({ rate, samples }: Waveform): Buffer {
  const header = Buffer.alloc(headerBytes);
  const bytes = samples.length * 2;
  header.write("RIFF", 0, "latin1");
  header.writeUInt32LE(36 + bytes, 4);
  header.write("WAVEfmt ", 8, "latin1");
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(rate, 24);
  header.writeUInt32LE(rate * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write("data", 36, "latin1");
  header.writeUInt32LE(bytes, 40);
  const data = Buffer.alloc(bytes);
  samples.forEach((sample, i) => {
    data.writeInt16LE(Math.round(Math.min(Math.max(sample, -1), 1) * fullScale), i * 2);
  });
  return Buffer.concat([header, data]);
}

/** The sound of a file that `waveFile` made. */
export function readWave(file: Buffer): Waveform {
  const samples = new Float32Array((file.length - headerBytes) / 2);
  for (let i = 0; i < samples.length; i++) samples[i] = file.readInt16LE(headerBytes + i * 2) / fullScale;
  return { rate: file.readUInt32LE(24), samples };
}
