import { defineMetric, definePlugin, defineReport } from "@cmmd/core";
import { copySynthesisOptions } from "./copy-synthesis/options.js";
import { eventF1Options } from "./event-f1/options.js";
import { frechetLogMelOptions } from "./frechet/options.js";
import { htmlReportOptions } from "./report/options.js";

const eventF1 = defineMetric({
  summary: "F1 of the onsets in the generated sound against the clip's event times, with shuffled pairs beside it.",
  options: eventF1Options,
  tasks: ["v2a"],
  load: async () => (await import("./event-f1/event-f1.js")).eventF1,
});

const frechetLogMel = defineMetric({
  summary: "Frechet distance of log-mel frames: needs no weights. Not FAD, and not comparable with it.",
  options: frechetLogMelOptions,
  tasks: ["v2a", "joint"],
  load: async () => (await import("./frechet/log-mel.js")).frechetLogMel,
});

const copySynthesis = defineMetric({
  summary:
    "Of a trained vocoder: log-mel, spectral and loudness distance of its copies, another vocoder's beside them.",
  options: copySynthesisOptions,
  tasks: ["copy"],
  load: async () => (await import("./copy-synthesis/copy-synthesis.js")).copySynthesis,
});

const html = defineReport({
  summary: "One self-contained web page: clips beside the originals, spectrograms, loss curves, metrics.",
  options: htmlReportOptions,
  load: async () => (await import("./report/html.js")).htmlReport,
});

export default definePlugin({
  name: "@cmmd/plugin-metrics",
  metrics: { "event-f1": eventF1, "frechet-log-mel": frechetLogMel, "copy-synthesis": copySynthesis },
  reports: { html },
});
