"""Reference values for the media plugin's mel filters, log-mel spectrogram, Griffin-Lim and principal components.

Made with Python 3.11, librosa 0.11.0, NumPy 2.4.6, SciPy 1.17.1. Run from the repository's root:

    python bench/reference/media_features.py          # writes the committed fixtures, of synthetic signals
"""

import json
from pathlib import Path

import librosa
import numpy as np
import scipy.signal

RATE, WINDOW, HOP, BINS = 16000, 512, 256, 80
SOURCES = Path(__file__).resolve().parents[2] / "packages/plugin-media/src"


def signal(count):
    """The tests' signal: a rising tone, a decaying click every 0.3 s and some noise, all in closed form."""
    i = np.arange(count)
    t = i / RATE
    tone = 0.4 * np.sin(2 * np.pi * (200 * t + 1500 * t * t))
    since = np.mod(i, 4800)
    click = 0.5 * np.exp(-since / 200.0) * np.sin(2 * np.pi * 1000 * since / RATE)
    state = (i.astype(np.uint64) * 2654435761 + 12345) % (1 << 32)
    noise = 0.02 * (((state >> 8) % 65536) / 32768.0 - 1)
    return tone * (0.2 + 0.8 * (t % 1 < 0.5)) + click + noise


def mel_filters():
    return librosa.filters.mel(sr=RATE, n_fft=WINDOW, n_mels=BINS, fmin=0, fmax=8000, dtype=np.float64)


def log_mel(samples):
    pad = (WINDOW - HOP) // 2
    padded = np.pad(samples, pad, mode="reflect")
    spectrum = librosa.stft(
        padded, n_fft=WINDOW, hop_length=HOP, window="hann", center=False, dtype=np.complex128
    )
    window = scipy.signal.get_window("hann", WINDOW, fftbins=True)
    again = np.stack([np.fft.rfft(padded[k : k + WINDOW] * window) for k in range(0, len(padded) - WINDOW + 1, HOP)], 1)
    assert np.abs(again - spectrum).max() < 1e-10
    return np.log10(np.maximum(mel_filters() @ np.abs(spectrum), 1e-5)).T


def griffin_lim_distance(samples):
    """Mean absolute difference of log-mel after librosa's own inversion (NNLS, 60 fast Griffin-Lim iterations)."""
    target = log_mel(samples)
    magnitude = librosa.util.nnls(mel_filters(), 10.0 ** target.T)
    pad = (WINDOW - HOP) // 2
    audio = librosa.griffinlim(
        magnitude, n_iter=60, hop_length=HOP, n_fft=WINDOW, center=False, momentum=0.99, random_state=0
    )
    audio = audio[pad : pad + target.shape[0] * HOP]
    return float(np.abs(log_mel(audio) - target).mean())


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, separators=(",", ":")) + "\n")
    print(path, path.stat().st_size)


def synthetic():
    filters = mel_filters()
    nonzero = [[int(r), int(c), float(f"{filters[r, c]:.9g}")] for r, c in zip(*np.nonzero(filters))]
    samples = signal(28800)
    mel = log_mel(samples)
    rows = [0, 1, 2, 30, 31, 55, 80, 110, 111]
    write(
        SOURCES / "transforms/fixtures/mel.json",
        {
            "shape": list(mel.shape),
            "filters": nonzero,
            "frames": {str(row): [float(f"{value:.7g}") for value in mel[row]] for row in rows},
            "mean": float(mel.mean()),
        },
    )
    write(
        SOURCES / "griffin-lim/fixtures/librosa.json",
        {"log_mel_distance": griffin_lim_distance(samples[:28672])},
    )
    rng = np.random.default_rng(5)
    factor = rng.standard_normal((12, 7))
    matrix = np.round(factor @ factor.T + np.diag(np.arange(12.0)), 6)
    values, vectors = np.linalg.eigh(matrix)
    write(
        SOURCES / "patch-pca/fixtures/eigen.json",
        {"matrix": matrix.ravel().tolist(), "values": values[::-1].tolist(), "vectors": vectors.T[::-1].ravel().tolist()},
    )


if __name__ == "__main__":
    synthetic()
