/** The page's own behaviour: play heads on the spectrograms, seeking by a click, and playing both sides in turn. */
export const script = `
"use strict";
for (const figure of document.querySelectorAll(".pair figure")) {
  const player = figure.querySelector("video, audio");
  const spectrogram = figure.querySelector(".spectrogram");
  const head = spectrogram.querySelector(".head");
  const duration = Number(spectrogram.dataset.duration);
  const place = () => {
    head.style.left = Math.min(100, (100 * player.currentTime) / duration) + "%";
    figure.classList.toggle("playing", !player.paused);
    if (!player.paused) requestAnimationFrame(place);
  };
  for (const event of ["play", "seeked", "pause", "ended"]) player.addEventListener(event, place);
  spectrogram.querySelector("img").addEventListener("click", (event) => {
    player.currentTime = (event.offsetX / event.target.clientWidth) * duration;
  });
}
document.addEventListener("play", (event) => {
  for (const player of document.querySelectorAll("video, audio")) if (player !== event.target) player.pause();
}, true);
for (const clip of document.querySelectorAll(".clip")) {
  const button = clip.querySelector(".turns");
  const players = [...clip.querySelectorAll("video, audio")];
  button.hidden = false;
  button.addEventListener("click", () => {
    const start = (index) => {
      const player = players[index];
      if (!player) return;
      player.currentTime = 0;
      player.addEventListener("ended", () => start(index + 1), { once: true });
      player.play().catch(() => {});
    };
    start(0);
  });
}
`;
