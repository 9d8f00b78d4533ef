/**
 * FFmpeg filter for constant `rate` frames per second. Frame k is the picture on display in the middle of its slot, at (k + 1/2) / rate
 * seconds, so that what begins at any time is seen at most half a frame too early or too late. A picture that is due in the middle
 * exactly comes half a frame early, however the container rounds: that is what the millisecond is for.
 */
export function frameRateFilter(rate: number): string {
  return `settb=1/1000000,setpts=PTS-1000,fps=fps=${rate}:start_time=0:round=near`;
}
