import fc from "fast-check";
import { expect, test } from "vitest";
import { nearest, suggestion } from "./nearest.js";

const names = [
  "event-f1",
  "temporal-shift",
  "segment-swap",
  "ddim",
  "resize",
  "resample",
  "center-crop",
  "steps",
  "use",
];

test.each([
  ["temporl-shift", "temporal-shift"],
  ["temporal_shift", "temporal-shift"],
  ["DDIM", "ddim"],
  ["didm", "ddim"],
  ["resiez", "resize"],
  ["event", "event-f1"],
  ["uze", "use"],
  ["wavelet", undefined],
  ["x", undefined],
])("%s is probably %s", (typed, meant) => {
  expect(nearest(typed, names)).toBe(meant);
});

test("any one slip of the finger in any name of at least four letters is recognised", () => {
  const long = names.filter((name) => name.length >= 4);
  const slip = fc.tuple(fc.constantFrom(...long), fc.nat(), fc.constantFrom("drop", "double", "swap", "change"));
  fc.assert(
    fc.property(slip, ([name, seed, kind]) => {
      const i = seed % (name.length - 1);
      const slips = {
        drop: name.slice(0, i) + name.slice(i + 1),
        double: name.slice(0, i + 1) + name.slice(i),
        swap: name.slice(0, i) + name[i + 1] + name[i] + name.slice(i + 2),
        change: `${name.slice(0, i)}#${name.slice(i + 1)}`,
      };
      expect(nearest(slips[kind as keyof typeof slips], long)).toBe(name);
    }),
  );
});

test("without a near name the known ones are listed", () => {
  expect(suggestion("wavelet", ["ddim", "heun"], "samplers")).toBe("Known samplers: ddim, heun.");
  expect(suggestion("a", [], "options")).toBe("There are no options here: remove it.");
});
