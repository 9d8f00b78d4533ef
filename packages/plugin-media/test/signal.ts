/** The signal of bench/reference/media_features.py: a rising tone, a decaying click every 0.3 s and some noise, at 16 kHz. */
export function testSignal(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => {
    const t = i / 16000;
    const tone = 0.4 * Math.sin(2 * Math.PI * (200 * t + 1500 * t * t)) * (t % 1 < 0.5 ? 1 : 0.2);
    const since = i % 4800;
    const click = 0.5 * Math.exp(-since / 200) * Math.sin((2 * Math.PI * 1000 * since) / 16000);
    const state = Number((BigInt(i) * 2654435761n + 12345n) % (1n << 32n));
    const noise = 0.02 * ((Math.floor(state / 256) % 65536) / 32768 - 1);
    return tone + click + noise;
  });
}
