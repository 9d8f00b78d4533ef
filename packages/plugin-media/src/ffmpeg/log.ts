/** Arguments that make FFmpeg describe the input and say of every line how serious it is. */
export const levelled = ["-loglevel", "level+info", "-nostats"] as const;

const level = /^((?:\[[^\]]* @ [^\]]*\] )*)\[(\w+)\] /;
const complaint = /^(?:error|fatal|panic)$/;

/** What a run with `levelled` wrote to stderr: the description of its input, and its errors as `-loglevel error` words them. */
export function readLog(stderr: string): { readonly banner: string; readonly errors: string } {
  const banner: string[] = [];
  const errors: string[] = [];
  for (const line of stderr.split("\n")) {
    const found = level.exec(line);
    const text = found ? found[1]! + line.slice(found[0].length) : line;
    if (found === null || complaint.test(found[2]!)) errors.push(text);
    else if (found[2] === "info") banner.push(text);
  }
  return { banner: banner.join("\n"), errors: errors.join("\n") };
}
