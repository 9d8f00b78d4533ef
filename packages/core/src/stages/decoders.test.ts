import { expect, it } from "vitest";
import { Decoders } from "./decoders.js";

it("runs as many decoders as asked, else as the largest pictures allow", () => {
  const [asked, free] = [new Decoders(3), new Decoders(undefined)];
  for (const decoders of [asked, free]) decoders.saw({ source: { width: 7680, height: 4320 } });
  for (const decoders of [asked, free]) decoders.saw({ source: { width: 640, height: 360 } });
  expect([asked.atOnce, free.atOnce]).toEqual([3, 1]);
  expect(new Decoders(undefined).atOnce).toBeLessThanOrEqual(2);
});
