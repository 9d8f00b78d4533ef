import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Json } from "../plugin/components.js";
import { canonicalJson, keyOf } from "./canonical.js";
import { changesBetween, showChange } from "./changes.js";

const json = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>;

describe("canonicalJson", () => {
  it("is RFC 8785's, by the examples of its sections 3.2.2 and 3.2.3", () => {
    const literals = JSON.parse(
      String.raw`{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}`,
    ) as Json;
    expect(canonicalJson(literals)).toBe(
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    );
    const names = { "\u20ac": 5, "\r": 1, "\ufb33": 7, "1": 2, "\ud83d\ude00": 6, "\u0080": 3, "\u00f6": 4 };
    expect(Object.values(JSON.parse(canonicalJson(names)) as object).sort()).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect([...canonicalJson(names).matchAll(/:(\d)/g)].map((match) => match[1]).join("")).toBe("1234567");
  });

  it("does not depend on the order of members and keeps the value", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), json), (map) => {
        const reversed = Object.fromEntries(Object.entries(map).reverse());
        expect(keyOf(reversed)).toBe(keyOf(map));
        expect(JSON.parse(canonicalJson(map))).toEqual(JSON.parse(JSON.stringify(map)));
      }),
    );
  });

  it("refuses what JSON cannot say", () => {
    expect(() => canonicalJson({ rate: Number.NaN })).toThrow(/NaN/);
  });
});

describe("changesBetween", () => {
  it("is empty exactly when the keys are equal", () => {
    fc.assert(
      fc.property(json, json, (a, b) => {
        expect(changesBetween(a, a)).toEqual([]);
        expect(changesBetween(a, b).length === 0).toBe(keyOf(a) === keyOf(b));
      }),
    );
  });

  it.each([
    [{ "": null }, null],
    [{ "a.b": 1 }, { a: { b: 1 } }],
    [{ 0: 1 }, [1]],
  ])("tells %j from %j", (a, b) => {
    expect(changesBetween(a, b)).not.toEqual([]);
  });

  it("names the leaves as the user writes them", () => {
    const old = {
      depends: { train: { steps: 100, losses: [{ use: "a", options: { eta: 1 } }] } },
      inputs: { encode: "a".repeat(64) },
    };
    const now = {
      depends: { train: { steps: 200, losses: [{ use: "a", options: {} }], ema: 0 } },
      inputs: { encode: "b".repeat(64) },
    };
    expect(changesBetween(old, now).map(showChange)).toEqual([
      "train.steps: 100 -> 200",
      "train.losses.0.options: absent -> {}",
      "train.ema: absent -> 0",
      "inputs.encode: aaaaaaaa -> bbbbbbbb",
      "train.losses.0.eta: 1 -> absent",
    ]);
  });
});
