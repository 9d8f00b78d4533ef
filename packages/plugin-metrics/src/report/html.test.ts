import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, chromium } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { context } from "../../test/items.js";
import { burstFeatures, reportInput } from "../../test/report-input.js";
import { heat } from "./colormap.js";
import { htmlReport } from "./html.js";
import { html } from "./markup.js";
import { figure } from "./metric-table.js";
import { commonRange, spectrogramPng } from "./spectrogram.js";

const folder = mkdtempSync(join(tmpdir(), "cmmd-report-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the page as text", () => {
  it("escapes what is put in, once", () => {
    expect(html`<a title="${"\"<&'"}">${["<b>", html`<i>${1}</i>`, undefined, false]}</a>`.text).toBe(
      '<a title="&quot;&lt;&amp;&#39;">&lt;b&gt;<i>1</i></a>',
    );
  });

  it("rounds to three digits and keeps whole parts", () => {
    expect([0.64159, 12345.6, 761.5448, 1.5e-7, 0, -3.2468, 100].map(figure)).toEqual([
      "0.642",
      "12346",
      "762",
      "1.50e-7",
      "0",
      "-3.25",
      "100",
    ]);
  });

  it("names a video that cannot be read", async () => {
    const input = reportInput(1);
    const item = input.groups[0]!.items[0]!;
    const broken = { ...item, generated: { ...item.generated, video: "/absent.mp4" } };
    const write = htmlReport.write(
      { examples: 1 },
      { ...input, groups: [{ ...input.groups[0]!, items: [broken] }] },
      context(folder),
    );
    await expect(write).rejects.toMatchObject({ code: "CMMD610", message: expect.stringContaining(item.id) });
  });

  it("plays sound that has no picture", async () => {
    const input = reportInput(1);
    const video = join(folder, "copy.wav");
    writeFileSync(video, "RIFF");
    const group = input.groups[0]!;
    const [item] = group.items as [(typeof group.items)[0]];
    const copy = { ...item, generated: { ...item.generated, video }, reference: { ...item.reference, video } };
    await htmlReport.write({ examples: 1 }, { ...input, groups: [{ ...group, items: [copy] }] }, context(folder));
    const text = readFileSync(join(folder, "report.html"), "utf8");
    expect(text.match(/<audio [^>]*src="data:audio\/wav;base64,UklGRg=="/g)).toHaveLength(2);
    expect(text).not.toContain("<video");
  });

  it("shows no more clips than asked for, and says so", async () => {
    await htmlReport.write({ examples: 1 }, reportInput(3), context(folder));
    const text = readFileSync(join(folder, "report.html"), "utf8");
    expect(text.match(/<article/g)).toHaveLength(4);
    expect(text).toContain("1 of 3 clips are shown");
  });
});

describe("spectrogram", () => {
  it("has one pixel per value, low bands at the bottom, as sharp reads it back", async () => {
    const features = burstFeatures([0.5], 1);
    const range = commonRange([features]);
    const { data, info } = await sharp(await spectrogramPng(features, range))
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(info).toMatchObject({ width: 112, height: 80, channels: 3 });
    const at = (x: number, y: number) => data[(y * 112 + x) * 3]! + data[(y * 112 + x) * 3 + 1]!;
    expect(at(33, 79)).toBeGreaterThan(at(10, 79));
    expect(at(33, 79)).toBeGreaterThan(at(33, 0));
  });

  it("is drawn in colours that only get lighter", () => {
    const luminance = (i: number) => 0.2126 * heat[3 * i]! + 0.7152 * heat[3 * i + 1]! + 0.0722 * heat[3 * i + 2]!;
    for (let i = 8; i < 256; i += 8) expect(luminance(i)).toBeGreaterThan(luminance(i - 8));
  });
});

const executablePath = [process.env.CMMD_CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"].find(
  (path) => path !== undefined && existsSync(path),
);
if (!executablePath) console.log("skipped: the report in a browser (no Chromium; set CMMD_CHROMIUM to its path)");

describe.skipIf(!executablePath)("the page in Chromium", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath,
      args: ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required", "--mute-audio"],
    });
  });
  afterAll(() => browser?.close());

  it("plays every clip with sound, logs no error, asks the network for nothing, fits a phone", async () => {
    const name = await htmlReport.write({ examples: 6 }, reportInput(), context(folder));
    const page = await browser.newPage({ viewport: { width: 1180, height: 900 } });
    const problems: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") problems.push(message.text());
    });
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("request", (request) => {
      if (!/^(file|data):/.test(request.url())) problems.push(`request: ${request.url()}`);
    });
    await page.goto(pathToFileURL(join(folder, name)).href);
    expect(await page.textContent("h1")).toBe("demo <b>&amp; friends</b>");
    expect(await page.locator("video").count()).toBe(12);
    expect(await page.locator(".chart svg").count()).toBe(3);
    expect(await page.locator(".metrics tbody tr").count()).toBe(4);

    const videos = await page.$$eval("video", async (all) => {
      const seen = [];
      for (const video of all) {
        await video.play();
        await new Promise<void>((done) => video.addEventListener("timeupdate", () => video.currentTime > 0 && done()));
        video.pause();
        const decoded = (video as unknown as { webkitAudioDecodedByteCount: number }).webkitAudioDecodedByteCount;
        seen.push({ ready: video.readyState, width: video.videoWidth, duration: video.duration, decoded });
      }
      return seen;
    });
    for (const { ready, width, duration, decoded } of videos) {
      expect(ready).toBeGreaterThanOrEqual(2);
      expect(width).toBe(96);
      expect(duration).toBeGreaterThan(1.7);
      expect(decoded).toBeGreaterThan(0);
    }

    await page.locator(".turns").first().click();
    await page.locator(".clip").first().locator(".generated.playing").waitFor();
    await page.locator(".clip").first().locator(".reference.playing").waitFor();
    await page.locator("details").last().locator("summary").click();
    expect(await page.locator("pre").textContent()).toContain("</code></pre><script>");

    await page.setViewportSize({ width: 375, height: 700 });
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(375);
    expect(problems).toEqual([]);
    await page.close();
  });
});
