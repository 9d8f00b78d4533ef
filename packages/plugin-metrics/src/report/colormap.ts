/**
 * 256 colours from near black through violet, red and orange to pale yellow, RGB bytes. A path through OKLCH (Ottosson 2020) whose
 * lightness rises evenly, so that equal steps of a value look equal, in print and to colour-blind readers as well.
 */
export const heat: Uint8Array = (() => {
  const table = new Uint8Array(256 * 3);
  for (let i = 0; i < 256; i++) {
    const t = i / 255;
    const lightness = 0.1 + 0.86 * t;
    const chroma = 0.02 + 0.19 * Math.sin(Math.PI * t ** 0.85) ** 0.8;
    const hue = ((280 + 185 * t ** 1.05) * Math.PI) / 180;
    table.set(oklabToRgb(lightness, chroma * Math.cos(hue), chroma * Math.sin(hue)), i * 3);
  }
  return table;
})();

function oklabToRgb(lightness: number, a: number, b: number): number[] {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((linear) => {
    const x = Math.min(1, Math.max(0, linear));
    return Math.round(255 * (x <= 0.0031308 ? 12.92 * x : 1.055 * x ** (1 / 2.4) - 0.055));
  });
}
