/** Red, green and blue in [0, 1], as shown (not linear). */
export type Colour = readonly [number, number, number];

/** Colour of a hue in turns, saturation and value in [0, 1]. */
export function hsv(hue: number, saturation: number, value: number): Colour {
  const channel = (offset: number) => {
    const k = (offset + hue * 6 + 6) % 6;
    return value * (1 - saturation * Math.max(0, Math.min(k, 4 - k, 1)));
  };
  return [channel(5), channel(3), channel(1)];
}

export function mix(a: Colour, b: Colour, amount: number): Colour {
  return [a[0] + (b[0] - a[0]) * amount, a[1] + (b[1] - a[1]) * amount, a[2] + (b[2] - a[2]) * amount];
}

export function brighten(colour: Colour, factor: number): Colour {
  return [colour[0] * factor, colour[1] * factor, colour[2] * factor];
}
