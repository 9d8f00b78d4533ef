/** Luminance of diffuse white in nits (ITU-R BT.2408): what becomes white of ordinary video, less what the shoulder takes. */
const diffuseWhite = 203;

/**
 * An ordinary picture (BT.709) of one of high dynamic range (PQ or HLG): linear light, primaries, a curve that leaves the darker three
 * tenths as they are and presses the rest below white. Needs an FFmpeg with zimg.
 */
const toneMapping = `zscale=t=linear:npl=${diffuseWhite},format=gbrpf32le,zscale=p=bt709,tonemap=mobius:desat=0,zscale=t=bt709:r=pc,format=gbrp`;

/** The filters with tone mapping before them; a change of the frame rate comes first, as each picture mapped takes its time. */
export function toneMapped(filters: readonly string[]): string[] {
  const rate = filters[0] !== undefined && /(?:^|,)fps=[^,]*$/.test(filters[0]) ? 1 : 0;
  return [...filters.slice(0, rate), toneMapping, ...filters.slice(rate)];
}
