/** The page's own behaviour: play heads on the spectrograms, seeking by a click, and playing both sides in turn. */
export const script = `
"use strict";
for (const figure of document.querySelectorAll(".pair figure")) {
  const video = figure.querySelector("video");
  const spectrogram = figure.querySelector(".spectrogram");
  const head = spectrogram.querySelector(".head");
  const duration = Number(spectrogram.dataset.duration);
  const place = () => {
    head.style.left = Math.min(100, (100 * video.currentTime) / duration) + "%";
    figure.classList.toggle("playing", !video.paused);
    if (!video.paused) requestAnimationFrame(place);
  };
  for (const event of ["play", "seeked", "pause", "ended"]) video.addEventListener(event, place);
  spectrogram.querySelector("img").addEventListener("click", (event) => {
    video.currentTime = (event.offsetX / event.target.clientWidth) * duration;
  });
}
document.addEventListener("play", (event) => {
  for (const video of document.querySelectorAll("video")) if (video !== event.target) video.pause();
}, true);
for (const clip of document.querySelectorAll(".clip")) {
  const button = clip.querySelector(".turns");
  const videos = [...clip.querySelectorAll("video")];
  button.hidden = false;
  button.addEventListener("click", () => {
    const start = (index) => {
      const video = videos[index];
      if (!video) return;
      video.currentTime = 0;
      video.addEventListener("ended", () => start(index + 1), { once: true });
      video.play().catch(() => {});
    };
    start(0);
  });
}
`;
