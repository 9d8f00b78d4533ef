/** The page's look: the system's fonts and its light or dark scheme, one column on a phone. */
export const style = `
:root {
  --ground: #fbfbfa; --card: #ffffff; --ink: #1c1e21; --quiet: #666b73; --line: #e3e4e6; --accent: #b4451f; --event: #0b7a75;
  color-scheme: light dark;
}
@media (prefers-color-scheme: dark) {
  :root { --ground: #131416; --card: #1b1d20; --ink: #e8e9eb; --quiet: #9aa0a8; --line: #303338; --accent: #f0845a; --event: #45c7bf; }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
.top, main { max-width: 1080px; margin: 0 auto; padding: 0 20px; }
.top { padding-top: 44px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { font-size: 20px; margin: 0 0 4px; }
h3 { font-size: 14px; font-weight: 600; margin: 0; overflow-wrap: anywhere; }
section { margin: 44px 0; }
.quiet { color: var(--quiet); margin: 2px 0 14px; overflow-wrap: anywhere; }
.verdict { list-style: none; margin: 18px 0; padding: 14px 18px; background: var(--card); border: 1px solid var(--line); border-left: 4px solid var(--accent); border-radius: 8px; }
.verdict:empty { display: none; }
.verdict em { display: inline-block; min-width: 124px; margin-right: 8px; font-style: normal; color: var(--quiet); }
nav { display: flex; flex-wrap: wrap; gap: 4px 18px; }
a { color: var(--accent); text-underline-offset: 3px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 8px 14px 8px 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; font-weight: 400; }
thead th { font-weight: 600; border-bottom-color: var(--quiet); }
.metrics { width: 100%; }
.metrics th small, .metrics td small.control { display: block; }
.metrics tbody th { cursor: help; white-space: nowrap; }
.metrics td { min-width: 120px; }
.metrics td strong { font-size: 16px; font-weight: 600; }
small { color: var(--quiet); font-size: 12px; font-weight: 400; }
.none { color: var(--quiet); }
.bar { display: block; position: relative; height: 6px; margin-top: 6px; max-width: 160px; background: var(--line); border-radius: 3px; }
.bar b { display: block; height: 100%; background: var(--accent); border-radius: 3px; }
.bar i { position: absolute; top: -3px; width: 2px; height: 12px; margin-left: -1px; background: var(--ink); }
.facts { font-size: 13px; }
.facts th { color: var(--quiet); padding-right: 28px; }
.facts td { overflow-wrap: anywhere; }
.facts th, .facts td { padding-top: 4px; padding-bottom: 4px; }
.facts tbody th { white-space: nowrap; }
details { margin: 12px 0; }
summary { cursor: pointer; color: var(--quiet); }
.clip { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px 10px; margin: 16px 0; }
.clip header { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 12px; margin-bottom: 12px; }
.chip { font-size: 12px; color: var(--quiet); border: 1px solid var(--line); border-radius: 99px; padding: 1px 10px; }
.chip strong { color: var(--ink); }
.turns { margin-left: auto; font: inherit; font-size: 13px; color: var(--ink); background: none; border: 1px solid var(--line); border-radius: 99px; padding: 4px 14px; cursor: pointer; }
.turns:hover { border-color: var(--accent); color: var(--accent); }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(280px, 1fr)); gap: 20px; }
figure { margin: 0; min-width: 0; }
figcaption { font-size: 13px; color: var(--quiet); margin-bottom: 6px; }
.generated figcaption { color: var(--accent); font-weight: 600; }
video { display: block; width: 100%; max-height: 340px; background: #000; border-radius: 6px; object-fit: contain; }
audio { display: block; width: 100%; }
.playing :is(video, audio) { outline: 2px solid var(--accent); outline-offset: 2px; }
.spectrogram { position: relative; margin-top: 10px; }
.spectrogram img { display: block; width: 100%; height: 120px; border-radius: 4px; cursor: crosshair; }
.head { position: absolute; top: 0; left: 0; width: 1px; height: 120px; background: #fff; box-shadow: 0 0 2px #000; pointer-events: none; }
.events { position: relative; height: 12px; }
.events i { position: absolute; top: 2px; width: 3px; height: 10px; margin-left: -1.5px; background: var(--event); border-radius: 1px; }
.axis { position: relative; height: 18px; font-size: 11px; color: var(--quiet); border-top: 1px solid var(--line); }
.axis b { position: absolute; font-weight: 400; transform: translateX(-50%); white-space: nowrap; }
.axis b:first-child { transform: none; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); gap: 20px; }
.chart svg { width: 100%; height: auto; background: none; overflow: visible; }
pre { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 14px 16px; font-size: 12.5px; line-height: 1.5; }
@media (max-width: 640px) {
  .pair { grid-template-columns: 1fr; gap: 14px; }
  .turns { margin-left: 0; }
  .verdict em { display: block; }
}
`;
