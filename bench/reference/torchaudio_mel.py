"""Compares the log-mel of real clips with torchaudio's, sample for sample the same input.

Made with Python 3.11, torch 2.2.2 and torchaudio 2.2.2 (CPU). Run from the repository's root after `npm run build`:

    python bench/reference/torchaudio_mel.py CLIPS

CLIPS is a folder of media files with sound. FFmpeg decodes each to 16 kHz mono once; the same samples go to torchaudio and to
the plugin's `mel` transform. Prints the largest differences of log10-mel for each clip, torchaudio in double and in single precision.
"""

import copy
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import torchaudio

RATE, WINDOW, HOP, BINS = 16000, 512, 256, 80
OURS = """
import { readFileSync, writeFileSync } from "node:fs";
import { mel } from "./packages/plugin-media/dist/transforms/mel.js";
const [input, output] = process.argv.slice(1);
const bytes = readFileSync(input);
const samples = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
const definition = mel.definition({ bins: 80, window: 512, hop: 256, fmin: 0, fmax: 8000 }, 16000);
writeFileSync(output, Buffer.from(mel.compute(definition, { rate: 16000, samples }).data.buffer));
"""

transform = torchaudio.transforms.MelSpectrogram(
    sample_rate=RATE, n_fft=WINDOW, hop_length=HOP, n_mels=BINS, f_min=0.0, f_max=8000.0,
    center=False, power=1.0, norm="slaney", mel_scale="slaney",
)
# Single precision loses digits where a band is near the floor; torchaudio in double precision is the judge.
precise = copy.deepcopy(transform).double()
precise.spectrogram.window = torch.hann_window(WINDOW, dtype=torch.float64)
print(f"torch {torch.__version__}, torchaudio {torchaudio.__version__}")
for clip in sorted(Path(sys.argv[1]).iterdir()):
    decode = ["ffmpeg", "-v", "error", "-i", str(clip), "-vn", "-ac", "1", "-ar", str(RATE), "-f", "f32le", "-"]
    samples = np.frombuffer(subprocess.run(decode, check=True, capture_output=True).stdout, dtype=np.float32)
    samples = samples[: len(samples) // HOP * HOP]
    pad = (WINDOW - HOP) // 2
    padded = torch.nn.functional.pad(torch.tensor(samples)[None, None], (pad, pad), mode="reflect")[0, 0]
    single = torch.log10(torch.clamp(transform(padded), min=1e-5)).T.numpy()
    double = torch.log10(torch.clamp(precise(padded.double()), min=1e-5)).T.numpy()
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "samples.f32", Path(folder) / "mel.f32"
        source.write_bytes(samples.tobytes())
        subprocess.run(["node", "--input-type=module", "-e", OURS, str(source), str(target)], check=True)
        ours = np.fromfile(target, dtype=np.float32).reshape(-1, BINS)
    worst = [np.abs(ours - theirs).max() for theirs in (double, single)] + [np.abs(single - double).max()]
    print(f"{clip.name}: {ours.shape[0]} frames, ours - double {worst[0]:.1e}, ours - single {worst[1]:.1e}, single - double {worst[2]:.1e}")
