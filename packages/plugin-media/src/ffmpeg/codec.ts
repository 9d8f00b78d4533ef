import type { CodecBody } from "@cmmd/core";
import { decodeSpan } from "./decode.js";
import { decodeSeveral } from "./decode-several.js";
import { encodeMp4 } from "./encode.js";
import { locateFfmpeg } from "./locate.js";
import type { CodecOptions } from "./options.js";
import { probeMedia } from "./probe.js";

export const ffmpegCodec: CodecBody<CodecOptions> = {
  async probe(path, { time_limit }, context) {
    return probeMedia(await locateFfmpeg((message) => context.warn(message)), path, context.signal, time_limit);
  },
  async decode(request, { time_limit }, context) {
    const ffmpeg = await locateFfmpeg((message) => context.warn(message));
    return decodeSpan(ffmpeg, { ...request, patience: time_limit, warn: (message) => context.warn(message) });
  },
  async decodeSeveral(requests, { time_limit }, context) {
    const ffmpeg = await locateFfmpeg((message) => context.warn(message));
    const told = { patience: time_limit, warn: (message: string) => context.warn(message) };
    return decodeSeveral(
      ffmpeg,
      requests.map((request) => ({ ...request, ...told })),
    );
  },
  async encode(path, media, _options, context) {
    await encodeMp4(await locateFfmpeg((message) => context.warn(message)), path, media, context.signal);
  },
};
