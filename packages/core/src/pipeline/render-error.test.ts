import { expect, test } from "vitest";
import { CmmdError } from "../errors.js";
import { renderError } from "./render-error.js";

test("an error looks as the documentation shows it", () => {
  const line = "  video: [{ use: fps, rate: 10 }, { use: center-crop }, { use: resize, sise: 128 }]";
  const source = `${"\n".repeat(13)}${line}\n`;
  const place = { file: "pipelines/epic_v2a.yaml", line: 14, column: line.indexOf("sise") + 1, length: 4 };
  const error = new CmmdError("CMMD204", 'unknown option "sise" for transform "resize"', {
    hint: 'Did you mean "size"?',
    place,
  });
  expect(renderError(error, { source })).toBe(`CMMD204 unknown option "sise" for transform "resize"
  pipelines/epic_v2a.yaml:14:72
  14 │   video: [{ use: fps, rate: 10 }, { use: center-crop }, { use: resize, sise: 128 }]
     │                                                                        ^^^^
  Did you mean "size"?`);
});

test("colour only adds escape codes", () => {
  const error = new CmmdError("CMMD201", "unknown key", {
    place: { file: "command line", line: 1, column: 1, length: 3, text: "sed=1" },
    hint: "Remove it.",
  });
  const plain = renderError(error);
  expect(plain).toBe("CMMD201 unknown key\n  command line\n  │ sed=1\n  │ ^^^\n  Remove it.");
  const coloured = renderError(error, { color: true });
  expect(coloured).not.toBe(plain);
  expect(coloured.replaceAll(new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, "g"), "")).toBe(plain);
});

test("carets stand below wide characters and beyond combining ones, and a tab counts as one", () => {
  const caretsOf = (line: string, column: number, length: number) => {
    const place = { file: "x.yaml", line: 1, column, length };
    return renderError(new CmmdError("CMMD201", "m", { place }), { source: line }).split("\n")[3];
  };
  expect(caretsOf("音声: x", 5, 1)).toBe("    │       ^");
  expect(caretsOf("音声: x", 1, 2)).toBe("    │ ^^^^");
  expect(caretsOf("e\u0301: x", 5, 1)).toBe("    │    ^");
  expect(caretsOf("a:\tx", 4, 1)).toBe("    │    ^");
});

test("an error without a place or without its file still says what to do", () => {
  expect(renderError(new CmmdError("CMMD250", "not installed", { hint: "Install it." }))).toBe(
    "CMMD250 not installed\n  Install it.",
  );
  const gone = new CmmdError("CMMD201", "m", { place: { file: "gone/away.yaml", line: 2, column: 1, length: 1 } });
  expect(renderError(gone)).toBe("CMMD201 m\n  gone/away.yaml:2:1");
});
