import type { TSchema } from "@sinclair/typebox";
import type {
  AutoencoderBody,
  CodecBody,
  Component,
  DatasetBody,
  GuidanceBody,
  LossBody,
  MetricBody,
  ModelBody,
  NegativeBody,
  ReportBody,
  SamplerBody,
  TransformBody,
  VocoderBody,
} from "./components.js";

type Registered<Body> = Component<TSchema, Body>;

/** The kinds of components that a plugin can bring, and what each must implement. */
export interface ComponentKinds {
  // biome-ignore-start lint/suspicious/noExplicitAny: options are validated against the component's schema before use.
  datasets: DatasetBody<any>;
  transforms: TransformBody<any>;
  codecs: CodecBody<any>;
  autoencoders: AutoencoderBody<any>;
  vocoders: VocoderBody<any>;
  models: ModelBody<any>;
  losses: LossBody<any>;
  negatives: NegativeBody<any>;
  samplers: SamplerBody<any>;
  guidances: GuidanceBody<any>;
  metrics: MetricBody<any>;
  reports: ReportBody<any>;
  // biome-ignore-end lint/suspicious/noExplicitAny: -
}
export type Kind = keyof ComponentKinds;
export const kinds: readonly Kind[] = [
  "datasets",
  "transforms",
  "codecs",
  "autoencoders",
  "vocoders",
  "models",
  "losses",
  "negatives",
  "samplers",
  "guidances",
  "metrics",
  "reports",
];

export type Plugin = { readonly name: string } & {
  readonly [K in Kind]?: Readonly<Record<string, Registered<ComponentKinds[K]>>>;
};

/** Declares a plugin: the default export of its entry module. */
export function definePlugin<const P extends Plugin>(plugin: P): P {
  return plugin;
}
