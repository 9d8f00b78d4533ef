import { cosineSchedule } from "@cmmd/core";
import { describe, expect, it } from "vitest";
import { checkNegativeTerms } from "./checks.js";

const schedule = cosineSchedule(1000);
const equal = { video: 1, audio: 1 };
const diffusion = { use: "diffusion", from: 0, weights: equal, weighting: "none" };
const contrastive = (eta: number, more: object = {}) => ({
  use: "contrastive",
  from: 0,
  eta,
  batch: 2,
  weights: equal,
  weighting: "none",
  negatives: { audio: [{ use: "swap" }], video: [{ use: "swap" }] },
  ...more,
});
const check = (entry: ReturnType<typeof contrastive>, positive: object = diffusion) =>
  checkNegativeTerms(entry, {
    schedule,
    predict: "v",
    base: "",
    clips: undefined,
    features: undefined,
    batch: 8,
    losses: [positive as typeof diffusion, entry],
  });

describe("a loss with negatives", () => {
  it("has some, for no more clips than a batch has", () => {
    const problems = check(contrastive(5e-5, { negatives: { audio: [] }, batch: 9 }));
    expect(problems.map(({ option, code }) => `${option} ${code}`)).toEqual(["negatives CMMD543", "batch CMMD544"]);
    expect(check(contrastive(5e-5, { batch: 8 }))).toEqual([]);
  });
});

describe("an eta that diverges", () => {
  // Spec section 7.3: with two negative terms a minimum needs eta < 1/2.
  it.each([
    [5e-5, 0],
    [0.499, 0],
    [0.5, 1],
    [5, 1],
  ])("eta %f has %i problems with two negative terms", (eta, count) => {
    expect(check(contrastive(eta))).toHaveLength(count);
  });

  it("may be twice as large with one negative term", () => {
    const negatives = { audio: [{ use: "swap" }] };
    expect(check(contrastive(0.9, { negatives }))).toEqual([]);
    expect(check(contrastive(1, { negatives }))[0]!.message).toContain("diverges");
  });

  it("counts what each modality weighs in the diffusion loss", () => {
    const few = { ...diffusion, weights: { video: 0.03, audio: 44 } };
    expect(check(contrastive(0.014), few)).toEqual([]);
    expect(check(contrastive(0.016), few)[0]).toMatchObject({ option: "eta", code: "CMMD542" });
  });

  it("is any eta while no diffusion loss is in force, or at a diffusion step that it hardly weighs", () => {
    expect(check(contrastive(5e-5, { from: 100 }), { ...diffusion, until: 200 })[0]!.message).toContain("step 200");
    const faded = { ...diffusion, weighting: { min_snr: 5 } };
    const [problem] = check(contrastive(5e-5), faded);
    expect(problem!.message).toContain("diffusion step 1000");
    expect(problem!.hint).toMatch(/^Give the negative terms .* stay well below [\d.]+e-\d+\.$/);
    expect(check(contrastive(5e-5, { weighting: { min_snr: 5 } }), faded)).toEqual([]);
  });

  it("is not judged beside a loss that another plugin brings", () => {
    expect(check(contrastive(5), { use: "other", from: 0 })).toEqual([]);
  });
});
