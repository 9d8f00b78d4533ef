import type { Stage } from "./stage.js";

/** Makes the media of a dataset that is rendered rather than downloaded. */
export const render: Stage = {
  name: "render",
  perDevice: false,
  reads: [],
  applies: ({ data }, described) => described("datasets", data.use).renders === true,
  depends: ({ data }) => ({ use: data.use, options: data.options as never }),
  components: ({ data }) => [data],
  async run({ pipeline, context, component }) {
    const dataset = await component("datasets", pipeline.data.use);
    await dataset.render?.(pipeline.data.options, context);
    return {};
  },
};
