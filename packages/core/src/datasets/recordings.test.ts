import { expect, it } from "vitest";
import type { Recording } from "../plugin/clips.js";
import type { Context } from "../plugin/context.js";
import { recordingsOf } from "./recordings.js";

async function listed(recordings: readonly Recording[]) {
  const warned: string[] = [];
  const context = { warn: (message: string) => void warned.push(message) } as unknown as Context;
  const dataset = {
    async *clips() {
      yield* recordings;
    },
  };
  return { ids: (await recordingsOf(dataset, {}, context)).map(({ id }) => id), warned };
}

it("takes what is named twice once, and refuses one id for two recordings", async () => {
  const one = { id: "a", media: "/a.mp4", split: "train" } as const;
  const other = { id: "b", media: "/a.mp4", start: 3, split: "train" } as const;
  const found = await listed([one, other, { ...one, split: "test" }]);
  expect(found.ids).toEqual(["a", "b"]);
  expect(found.warned.join()).toMatch(/1 recordings .*"a" \(train, then test\)/);
  await expect(listed([one, { ...other, id: "a" }])).rejects.toMatchObject({ code: "CMMD586" });
});
