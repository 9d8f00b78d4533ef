import { Value } from "@sinclair/typebox/value";
import { describe, expect, it } from "vitest";
import { impacts } from "../../test/impacts.js";
import { context, item } from "../../test/items.js";
import { eventF1 } from "./event-f1.js";
import { type EventF1Options, eventF1Options } from "./options.js";

const defaults = Value.Default(eventF1Options, {}) as EventF1Options;

const clip = (id: string, events: readonly number[], sounding: readonly number[]) =>
  item(id, events, {
    generated: { waveform: impacts("wood", sounding) },
    reference: { waveform: impacts("wood", events) },
  });

/** Clips whose events lie more than the tolerance apart from each other's. */
const a = [0.2, 0.8];
const b = [0.5, 1.1];
const c = [0.35, 1.4];

const compute = async (items: Parameters<typeof eventF1.compute>[1], options: Partial<EventF1Options> = {}) => {
  const own = context();
  const result = await eventF1.compute({ ...defaults, ...options }, items, own);
  return { ...result, warnings: own.warnings, value: (name: string) => result.values.find((v) => v.name === name) };
};

describe("event-f1", () => {
  it("scores sound that is in time 1, and its shuffled pairs 0", async () => {
    const { value, perItem } = await compute([clip("a", a, a), clip("b", b, b), clip("c", c, c)]);
    expect(value("event_f1@100ms")).toMatchObject({ value: 1, control: 0, better: "higher" });
    expect(value("event_reference_f1@100ms")?.value).toBe(1);
    expect(value("event_abs_offset@100ms")?.value).toBeLessThan(1);
    expect(value("event_abs_offset@100ms")?.control).toBeUndefined();
    expect(perItem).toEqual({
      a: { "event_f1@100ms": 1 },
      b: { "event_f1@100ms": 1 },
      c: { "event_f1@100ms": 1 },
    });
  });

  it("scores swapped sound 0 and its shuffled pairs by the swap", async () => {
    const { value } = await compute([clip("a", a, b), clip("b", b, a)]);
    expect(value("event_f1@100ms")).toMatchObject({ value: 0, control: 1 });
    expect(value("event_reference_f1@100ms")?.value).toBe(1);
  });

  it("pools counts: 3 of 4 events found among 5 onsets, one clip without events", async () => {
    const { value, perItem, depends } = await compute([
      clip("a", a, [0.24, 0.84, 1.3]),
      clip("b", b, [0.48]),
      clip("silent", [], [0.6]),
    ]);
    expect(value("event_precision@100ms")?.value).toBeCloseTo(3 / 5, 12);
    expect(value("event_recall@100ms")?.value).toBeCloseTo(3 / 4, 12);
    expect(value("event_f1@100ms")?.value).toBeCloseTo(6 / 9, 12);
    expect(value("event_offset@100ms")?.value).toBeCloseTo((40 + 40 - 20) / 3, 0);
    expect(value("event_abs_offset@100ms")?.value).toBeCloseTo(100 / 3, 0);
    expect(perItem?.silent).toEqual({ "event_f1@100ms": 0 });
    expect(depends).toMatchObject({ clips: 3, clips_without_events: 1, events: 4, generated_onsets: 5 });
  });

  it("scores several tolerances, the first one first", async () => {
    const { values } = await compute([clip("a", a, [0.24, 0.8])], { tolerance_ms: [100, 20] });
    expect(values.every(({ control }) => control === undefined)).toBe(true);
    expect(values[0]).toMatchObject({ name: "event_f1@100ms", value: 1 });
    expect(values.find(({ name }) => name === "event_f1@20ms")?.value).toBe(0.5);
  });

  it("warns when no clip has events, and can use the reference's onsets instead", async () => {
    const items = [clip("a", a, a)].map((one) => ({ ...one, events: [] }));
    const none = await compute(items);
    expect(none.values).toEqual([]);
    expect(none.warnings).toHaveLength(1);
    const own = await compute(items, { events: "reference" });
    expect(own.value("event_f1@100ms")?.value).toBe(1);
    expect(own.value("event_reference_f1@100ms")).toBeUndefined();
  });
});
