/**
 * FFmpeg filter for constant `rate` frames per second. Frame k is the picture on display at k / rate seconds: `round=up` puts a
 * picture into the first slot that begins no earlier than it, where the default, `near`, shows pictures up to half a slot before
 * their time. One millisecond of tolerance keeps a picture that is due exactly at a slot in it, however the container rounds.
 */
export function frameRateFilter(rate: number): string {
  return `settb=1/1000000,setpts=PTS-1000,fps=fps=${rate}:start_time=0:round=up`;
}
