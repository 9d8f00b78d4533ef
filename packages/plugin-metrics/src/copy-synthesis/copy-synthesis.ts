import type { EvaluationItem, MetricBody, MetricValue, Rendition } from "@cmmd/core";
import { type CopyDistance, copyDistance } from "./distances.js";

const version = "copy-synthesis 1";
interface Measured {
  readonly id: string;
  readonly own: CopyDistance;
  readonly control: CopyDistance | undefined;
}

interface Figure extends Pick<MetricValue, "name" | "unit"> {
  of(distance: CopyDistance): number | undefined;
}

const figures: readonly Figure[] = [
  { name: "log_mel_l1", of: ({ features }) => features },
  { name: "stft_distance", of: ({ spectrum }) => spectrum && spectrum.convergence + spectrum.logMagnitude },
  { name: "loudness_error", unit: "dB", of: ({ loudness }) => loudness },
];

const meanOf = (values: readonly (number | undefined)[]): number | undefined => {
  const known = values.filter((value) => value !== undefined);
  return known.length > 0 ? known.reduce((sum, value) => sum + value, 0) / known.length : undefined;
};

const soundOf = async (sound: Omit<Rendition, "frames">) => ({
  waveform: await sound.waveform(),
  features: await sound.features(),
});

async function measure({ id, control, ...sides }: EvaluationItem): Promise<Measured> {
  const reference = await soundOf(sides.reference);
  return {
    id,
    own: copyDistance(reference, await soundOf(sides.generated)),
    control: control && copyDistance(reference, await soundOf(control)),
  };
}

/** How near a vocoder's copies come to the sounds whose features they are made of, with another vocoder's copies as the control. */
export const copySynthesis: MetricBody<Record<string, never>> = {
  async compute(_options, items, { signal }) {
    const measured: Measured[] = [];
    for (const item of items) {
      signal.throwIfAborted();
      measured.push(await measure(item));
    }
    const values = figures.flatMap(({ name, unit, of }): MetricValue[] => {
      const value = meanOf(measured.map(({ own }) => of(own)));
      if (value === undefined) return [];
      const control = meanOf(measured.map((one) => one.control && of(one.control)));
      return [{ name, value, better: "lower", ...(unit && { unit }), ...(control !== undefined && { control }) }];
    });
    const perItem = Object.fromEntries(
      measured.map(({ id, own }) => [
        id,
        Object.fromEntries(
          figures.flatMap(({ name, of }) => {
            const value = of(own);
            return value === undefined ? [] : [[name, value]];
          }),
        ),
      ]),
    );
    return {
      values,
      perItem,
      depends: {
        what: "Distance between sounds and what a vocoder makes of their features; 0 for equal sounds.",
        version,
        log_mel_l1: "mean absolute difference of the features",
        stft_distance: "spectral convergence + mean absolute difference of ln magnitude, mean of three resolutions",
        loudness_error: "mean absolute difference of the integrated loudness (ITU-R BS.1770-4)",
        control: "the other vocoder's copies of the same features",
        clips: measured.length,
        clips_with_loudness: measured.filter(({ own }) => own.loudness !== undefined).length,
      },
    };
  },
};
