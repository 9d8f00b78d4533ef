"""Multi-resolution STFT distances by torch.stft and loudness by FFmpeg's ebur128, of sounds that a formula gives.

Made with Python 3.11, torch 2.15.0, NumPy 2.4.6 and FFmpeg 5.1. Run from the repository's root:

    python bench/reference/sound_distances.py

Writes packages/plugin-metrics/src/copy-synthesis/fixtures/sound-distances.json. The test makes the same sounds by the same formula.
"""

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import torch

RATE = 16000
TARGET = Path("packages/plugin-metrics/src/copy-synthesis/fixtures/sound-distances.json")
RESOLUTIONS = [(1024, 120, 600), (2048, 240, 1200), (512, 50, 240)]
# Strength of a tone at 440 Hz, of one at 3000 Hz, of noise; seconds in which the tones die away; samples; rate.
SOUNDS = {
    "tones": [0.5, 0.2, 0.0, 10.0, 24000, RATE],
    "tones and noise": [0.4, 0.25, 0.01, 0.3, 24000, RATE],
    "impact": [0.7, 0.3, 0.0, 0.05, 24000, RATE],
    "noise": [0.0, 0.0, 0.3, 1.0, 24000, RATE],
    "nothing": [0.0, 0.0, 0.0, 1.0, 24000, RATE],
    "loud, then soft": [0.9, 0.0, 0.002, 0.8, 6 * 48000, 48000],
}
PAIRS = [("tones", "tones and noise"), ("impact", "tones"), ("tones and noise", "noise"), ("noise", "nothing")]


def sound(low, high, noise, decay, samples, rate):
    i = np.arange(samples, dtype=np.float64)
    tones = low * np.sin(2 * np.pi * 440 * i / rate) + high * np.sin(2 * np.pi * 3000 * i / rate)
    grain = np.modf(np.abs(np.sin(i * 12.9898) * 4375.85))[0] * 2 - 1
    return (tones * np.exp(-i / rate / decay) + noise * grain).astype(np.float32)


def magnitude(x, points, hop, window):
    spectrum = torch.stft(
        torch.tensor(x, dtype=torch.float64)[None], points, hop, window,
        torch.hann_window(window, dtype=torch.float64), return_complex=True,
    )
    return torch.clamp(spectrum.real**2 + spectrum.imag**2, min=1e-8).sqrt()


def distance(original, copy):
    pairs = [(magnitude(original, *r), magnitude(copy, *r)) for r in RESOLUTIONS]
    return {
        "convergence": float(np.mean([torch.linalg.norm(s - t) / torch.linalg.norm(s) for s, t in pairs])),
        "logMagnitude": float(np.mean([torch.nn.functional.l1_loss(s.log(), t.log()) for s, t in pairs])),
    }


def loudness(samples, rate):
    command = ["ffmpeg", "-v", "error", "-f", "f32le", "-ar", str(rate), "-ac", "1", "-i", "-"]
    command += ["-af", "ebur128=metadata=1,ametadata=print:key=lavfi.r128.I:file=-", "-f", "null", "-"]
    printed = subprocess.run(command, input=samples.tobytes(), check=True, capture_output=True).stdout.decode()
    return float(re.findall(r"lavfi\.r128\.I=(\S+)", printed)[-1])


sounds = {name: sound(*arguments) for name, arguments in SOUNDS.items()}
TARGET.write_text(json.dumps({
    "sounds": SOUNDS,
    "distances": [{"original": a, "copy": b, **distance(sounds[a], sounds[b])} for a, b in PAIRS],
    "loudness": {name: loudness(sounds[name], SOUNDS[name][-1]) for name in SOUNDS if name != "nothing"},
}, indent=1) + "\n")
