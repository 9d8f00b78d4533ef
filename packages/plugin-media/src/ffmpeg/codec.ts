import type { CodecBody } from "@cmmd/core";
import { decodeSpan } from "./decode.js";
import { encodeMp4 } from "./encode.js";
import { locateFfmpeg } from "./locate.js";
import { probeMedia } from "./probe.js";

export const ffmpegCodec: CodecBody<object> = {
  async probe(path, _options, context) {
    return probeMedia(await locateFfmpeg((message) => context.warn(message)), path, context.signal);
  },
  async decode(request, _options, context) {
    return decodeSpan(await locateFfmpeg((message) => context.warn(message)), request);
  },
  async encode(path, media, _options, context) {
    await encodeMp4(await locateFfmpeg((message) => context.warn(message)), path, media, context.signal);
  },
};
