"""Reference values for packages/plugin-metrics.

    python metrics.py ../../packages/plugin-metrics/src

writes `event-f1/fixtures/matching.json` (mir_eval), `onsets/fixtures/onsets.json` (librosa, on the impacts of test/impacts.ts)
and `frechet/fixtures/frechet.json` (NumPy, SciPy; inputs from the same generator as in the tests).

Made with mir_eval 0.8.2, librosa 0.11.0, numpy 2.4.6, scipy 1.17.1 (Python 3.11).
"""

import json
import pathlib
import sys

import librosa
import mir_eval
import numpy as np
import scipy.linalg

MATERIALS = {
    "wood": ([410, 1130, 2210], 0.04, 0.5),
    "metal": ([890, 2370, 4410, 5930], 0.35, 0.3),
    "bass": ([70, 140], 0.12, 0.1),
    "click": ([], 0.001, 1),
}


def noise(count, seed):
    """Uniform noise in [-1, 1) from a linear congruential generator (Numerical Recipes' constants)."""
    out = np.empty(count)
    for i in range(count):
        seed = (1664525 * seed + 1013904223) % 2**32
        out[i] = seed / 2**32 * 2 - 1
    return out


def impacts(material, times, rate=16000, seconds=1.8, hiss=0.0):
    partials, decay, contact = MATERIALS[material]
    count = round(seconds * rate)
    samples = hiss * noise(count, 1)
    for k, time in enumerate(times):
        first = round(time * rate)
        t = np.arange(count - first) / rate
        value = contact * noise(count - first, 100 + k) * np.exp(-t / 0.004)
        for hz in partials:
            value += np.sin(2 * np.pi * hz * t + 1) * np.exp(-t / decay) / len(partials)
        samples[first:] += 0.5 * [1, 0.7, 0.4][k % 3] * value
    return samples.astype(np.float32)


def matching():
    cases = []
    for case in range(40):
        u = (noise(60, case) + 1) / 2
        reference = np.sort(np.round(u[1 : 1 + case % 13] * 2, 9))
        estimated = np.sort(np.round(u[30 : 30 + (case * 7) % 17] * 2, 9))
        window = [0.03, 0.1, 0.25][case % 3]
        matched = len(mir_eval.util.match_events(reference, estimated, window))
        f, p, r = mir_eval.onset.f_measure(reference, estimated, window)
        cases.append(
            dict(reference=reference.tolist(), estimated=estimated.tolist(), window=window, matched=matched, f=f, p=p, r=r)
        )
    return cases


def onsets():
    times = [0.1, 0.33, 0.5, 0.77, 1.0, 1.2, 1.32, 1.5, 1.7]
    cases = []
    for material in MATERIALS:
        for hiss in (0, 0.01):
            found = librosa.onset.onset_detect(
                y=impacts(material, times, hiss=hiss), sr=16000, hop_length=64, units="time"
            )
            cases.append(dict(material=material, hiss=hiss, times=times, librosa=[round(float(x), 4) for x in found]))
    return cases


def distance(x, y):
    s1, s2 = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = scipy.linalg.sqrtm(s1 @ s2)
    return float(np.sum((x.mean(0) - y.mean(0)) ** 2) + np.trace(s1 + s2) - 2 * np.trace(root).real)


def nuclear(x, y):
    """Exact for any counts: |X Y^T|_*."""
    a, b = x - x.mean(0), y - y.mean(0)
    n, m = len(a) - 1, len(b) - 1
    singular = scipy.linalg.svdvals(a @ b.T)
    return float(
        np.sum((x.mean(0) - y.mean(0)) ** 2) + np.sum(a**2) / n + np.sum(b**2) / m - 2 * singular.sum() / np.sqrt(n * m)
    )


def frechet():
    distances = []
    for n, m, d in [(200, 300, 24), (60, 41, 40), (10, 300, 64), (2, 50, 128), (90, 80, 80)]:
        scales = 0.1 + np.arange(d) / d
        x = noise(n * d, 11).reshape(n, d) * scales
        y = noise(m * d, 12).reshape(m, d) * scales[::-1] + 0.25
        entry = dict(n=n, m=m, d=d, nuclear=nuclear(x, y))
        if min(n, m) > 2 * d:
            entry["sqrtm"] = distance(x, y)
        distances.append(entry)
    eigenvalues = []
    for size in (1, 2, 3, 7, 40):
        a = noise(size * size, 5).reshape(size, size)
        eigenvalues.append(dict(size=size, values=np.linalg.eigvalsh(a + a.T).tolist()))
    return dict(distances=distances, eigenvalues=eigenvalues)


if __name__ == "__main__":
    source = pathlib.Path(sys.argv[1])
    fixtures = {"event-f1/fixtures/matching": matching, "onsets/fixtures/onsets": onsets, "frechet/fixtures/frechet": frechet}
    for name, make in fixtures.items():
        path = source / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(make()) + "\n")
