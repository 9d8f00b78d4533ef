"""Log-mel spectrograms as MelGAN's Audio2Mel and torchaudio's MelSpectrogram define them, in PyTorch.

Made with Python 3.11, torch 2.2.2, torchaudio 2.2.2, librosa 0.11.0, NumPy 1.26.4. Run from the repository's root:

    python bench/reference/audio2mel.py                # writes the committed fixture, of the tests' generated signal
    python bench/reference/audio2mel.py CLIPS OUT.json # of real clips: given to the tests as CMMD_AUDIO2MEL, never committed
"""

import base64
import json
import subprocess
import sys
from pathlib import Path

import librosa
import numpy as np
import torch
import torchaudio
from media_features import signal

FIXTURE = Path(__file__).resolve().parents[2] / "packages/plugin-media/src/transforms/fixtures/audio2mel.json"
# As configured in the pipelines, and as Audio2Mel is by default: 22.05 kHz, windows of 1024, filters up to half the rate.
DEFINITIONS = {
    "pipelines": {"rate": 16000, "window": 512, "hop": 256, "bins": 80, "fmin": 0.0, "fmax": 8000.0},
    "official": {"rate": 22050, "window": 1024, "hop": 256, "bins": 80, "fmin": 0.0, "fmax": 11025.0},
}


def audio2mel(samples, rate, window, hop, bins, fmin, fmax):
    """Reflected by (window - hop) / 2, no centring, magnitudes by the Hann window, librosa's filters, log10 of at least 1e-5."""
    filters = torch.from_numpy(librosa.filters.mel(sr=rate, n_fft=window, n_mels=bins, fmin=fmin, fmax=fmax)).float()
    pad = (window - hop) // 2
    padded = torch.nn.functional.pad(samples[None, None], (pad, pad), "reflect")[0, 0]
    spectrum = torch.stft(
        padded, n_fft=window, hop_length=hop, win_length=window, window=torch.hann_window(window, dtype=samples.dtype),
        center=False, return_complex=True,
    )
    return torch.log10(torch.clamp(filters.to(samples) @ spectrum.abs(), min=1e-5)).T


def melspectrogram(samples, rate, window, hop, bins, fmin, fmax):
    transform = torchaudio.transforms.MelSpectrogram(
        sample_rate=rate, n_fft=window, hop_length=hop, n_mels=bins, f_min=fmin, f_max=fmax,
        center=False, power=1.0, norm="slaney", mel_scale="slaney", wkwargs={"dtype": samples.dtype},
    ).to(samples.dtype)
    pad = (window - hop) // 2
    padded = torch.nn.functional.pad(samples[None, None], (pad, pad), "reflect")[0, 0]
    return torch.log10(torch.clamp(transform(padded), min=1e-5)).T


def both(samples, definition):
    """In double precision, but for the filters: in single, a transform's own rounding shows (3e-4) where a band is near the floor."""
    samples = samples.double()
    return {"audio2mel": audio2mel(samples, **definition), "torchaudio": melspectrogram(samples, **definition)}


def synthetic():
    samples = torch.tensor(signal(28800), dtype=torch.float32)
    rows = [0, 1, 30, 55, 80, 110]
    out = {}
    for name, definition in DEFINITIONS.items():
        found = both(samples, definition)
        out[name] = {
            "definition": definition,
            "frames": len(found["audio2mel"]),
            **{key: {row: [float(f"{x:.6g}") for x in mel[row].tolist()] for row in rows} for key, mel in found.items()},
        }
    FIXTURE.write_text(json.dumps(out, separators=(",", ":")) + "\n")
    print(FIXTURE, FIXTURE.stat().st_size)


def real(clips, out):
    found = {}
    for path in sorted(Path(clips).iterdir()):
        decode = ["ffmpeg", "-v", "error", "-i", str(path), "-t", "3", "-map", "0:a:0", "-ac", "1", "-f", "f32le"]
        for name, definition in DEFINITIONS.items():
            raw = subprocess.run([*decode, "-ar", str(definition["rate"]), "-"], capture_output=True, check=True).stdout
            mels = both(torch.from_numpy(np.frombuffer(raw, "<f4").copy()), definition)
            text = {key: base64.b64encode(mel.float().contiguous().numpy().tobytes()).decode() for key, mel in mels.items()}
            found[f"{path.name}, {name}"] = {"samples": base64.b64encode(raw).decode(), "definition": definition, **text}
    Path(out).write_text(json.dumps(found))


if __name__ == "__main__":
    real(*sys.argv[1:]) if len(sys.argv) > 1 else synthetic()
