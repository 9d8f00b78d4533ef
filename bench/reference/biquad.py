"""Second-order filters by scipy.signal: filtered sound and magnitude responses, for packages/core/src/signal/biquad.test.ts.

    python biquad.py ../../packages/core/src/signal/fixtures/biquad.json

That the cookbook's coefficients do what their names say is checked first: the gains at 0 Hz, at the filter's own frequency and at half the sample rate
follow from the kind of filter alone. Made with SciPy 1.17.1, NumPy 2.4.6 (Python 3.11).
"""

import json
import sys

import numpy as np
from scipy.signal import freqz, lfilter

RATE = 16000
SETTINGS = [
    (kind, frequency, q, gain)
    for kind in ("lowpass", "highpass", "bandpass", "notch", "peaking", "low-shelf", "high-shelf")
    for frequency, q, gain in ((900.0, 0.7071, 9.0), (4100.0, 2.0, -6.0))
]


def cookbook(kind, frequency, q, gain):
    w = 2 * np.pi * frequency / RATE
    c, alpha, a = np.cos(w), np.sin(w) / (2 * q), 10 ** (gain / 40)
    root = 2 * np.sqrt(a) * alpha
    return {
        "lowpass": ([(1 - c) / 2, 1 - c, (1 - c) / 2], [1 + alpha, -2 * c, 1 - alpha]),
        "highpass": ([(1 + c) / 2, -(1 + c), (1 + c) / 2], [1 + alpha, -2 * c, 1 - alpha]),
        "bandpass": ([alpha, 0, -alpha], [1 + alpha, -2 * c, 1 - alpha]),
        "notch": ([1, -2 * c, 1], [1 + alpha, -2 * c, 1 - alpha]),
        "peaking": ([1 + alpha * a, -2 * c, 1 - alpha * a], [1 + alpha / a, -2 * c, 1 - alpha / a]),
        "low-shelf": (
            [a * (a + 1 - (a - 1) * c + root), 2 * a * (a - 1 - (a + 1) * c), a * (a + 1 - (a - 1) * c - root)],
            [a + 1 + (a - 1) * c + root, -2 * (a - 1 + (a + 1) * c), a + 1 + (a - 1) * c - root],
        ),
        "high-shelf": (
            [a * (a + 1 + (a - 1) * c + root), -2 * a * (a - 1 + (a + 1) * c), a * (a + 1 + (a - 1) * c - root)],
            [a + 1 - (a - 1) * c + root, 2 * (a - 1 - (a + 1) * c), a + 1 - (a - 1) * c - root],
        ),
    }[kind]


def decibel(b, a, frequency):
    return 20 * np.log10(max(abs(freqz(b, a, [2 * np.pi * frequency / RATE])[1][0]), 1e-9))


def expected(kind, q, gain):
    """Gains in dB at 0 Hz, at the filter's frequency, at half the rate; None where they are minus infinity or of no interest."""
    own = 20 * np.log10(q)
    return {
        "lowpass": (0, own, None),
        "highpass": (None, own, 0),
        "bandpass": (None, 0, None),
        "notch": (0, None, 0),
        "peaking": (0, gain, 0),
        "low-shelf": (gain, gain / 2, 0),
        "high-shelf": (0, gain / 2, gain),
    }[kind]


samples = np.float32(0.5 * np.sin(0.05 * np.arange(200)) + 0.3 * np.sin(1.7 * np.arange(200)))
cases = []
for kind, frequency, q, gain in SETTINGS:
    b, a = cookbook(kind, frequency, q, gain)
    for at, wanted in zip((0, frequency, RATE / 2), expected(kind, q, gain)):
        assert wanted is None or abs(decibel(b, a, at) - wanted) < 1e-6, (kind, at, wanted)
    filtered = lfilter(b, a, samples.astype(np.float64))
    cases.append({"kind": kind, "frequency": frequency, "q": q, "gain": gain, "filtered": [round(x, 8) for x in filtered]})
with open(sys.argv[1], "w") as file:
    json.dump({"rate": RATE, "samples": [float(x) for x in samples], "cases": cases}, file)
