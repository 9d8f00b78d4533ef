"""Values and gradients of the losses in float64, for packages/plugin-cmmd/src/losses/parity.test.ts.

    python losses.py ../../packages/plugin-cmmd/src/losses/fixtures/losses.json

A network of five parameters that mixes the modalities; data and noise are sines of their index. Every loss is written as w(n) ||x0 - x0 estimate||^2
(the paper's Eq. 3), whatever the network predicts, where cmmd compares what is predicted and multiplies by a factor.

Made with torch 2.15.0 (Python 3.11).
"""

import json
import pathlib
import sys

import torch

torch.set_default_dtype(torch.float64)

VIDEO, AUDIO = (3, 1, 1, 2), (4, 2)
# As float32 holds them: cmmd gets them so.
ALPHA_BARS = torch.tensor([0.95, 0.4, 0.03], dtype=torch.float32).double()
PARAMETERS = [0.5, 0.8, -0.3, 0.7, 0.25]
WEIGHTS = {"video": 0.3, "audio": 2.0}


def wave(seed, batch, shape):
    i = torch.arange(batch * torch.Size(shape).numel())
    return (1.2 * torch.sin(1.3 * i + 0.7 * seed + 0.01 * i * seed)).float().double().reshape(batch, *shape)


def over(x, like):
    return x.reshape(-1, *[1] * (like.dim() - 1))


def network(p, v, a, n):
    other = a.mean((1, 2)).reshape(-1, 1, 1, 1, 1)
    mine = v.mean((1, 2, 3, 4)).reshape(-1, 1, 1)
    return torch.tanh(p[0] * v + p[1] * other), p[2] * a + p[3] * mine + p[4] * over(n, a)


def estimate(predict, xn, out, alpha):
    s, r = alpha.sqrt(), (1 - alpha).sqrt()
    return {"v": s * xn - r * out, "epsilon": (xn - r * out) / s, "x0": out}[predict]


def x0_weight(weighting, predict, alpha):
    snr = alpha / (1 - alpha)
    if isinstance(weighting, dict):
        return snr.clamp(max=weighting["min_snr"])
    return {"v": snr + 1, "epsilon": snr, "x0": torch.ones_like(snr)}[predict if weighting == "none" else weighting]


def errors(p, predict, weighting, v0, a0, ev, ea, alpha, n):
    """Eq. 4 by modality: mean over all values."""
    noisy = [over(alpha, x).sqrt() * x + (1 - over(alpha, x)).sqrt() * e for x, e in ((v0, ev), (a0, ea))]
    outputs = network(p, *noisy, n)
    result = []
    for x0, xn, out in zip((v0, a0), noisy, outputs):
        alpha_x = over(alpha, x0)
        square = (x0 - estimate(predict, xn, out, alpha_x)).square()
        result.append((x0_weight(weighting, predict, alpha_x) * square).mean())
    return dict(zip(("video", "audio"), result))


def joint(e):
    return WEIGHTS["video"] * e["video"] + WEIGHTS["audio"] * e["audio"]


N = torch.tensor([1.0, 2.0, 3.0])
BATCH = {"v0": wave(1, 3, VIDEO), "a0": wave(2, 3, AUDIO), "ev": wave(3, 3, VIDEO), "ea": wave(4, 3, AUDIO)}
# Two negatives and their noise for the first two clips, the first negative of both before the second of both.
NEGATIVES = {"v0": wave(5, 4, VIDEO), "a0": wave(6, 4, AUDIO), "ev": wave(7, 4, VIDEO), "ea": wave(8, 4, AUDIO)}


def diffusion(p, predict, weighting):
    return joint(errors(p, predict, weighting, **BATCH, alpha=ALPHA_BARS, n=N))


def replaced(p, predict, weighting, i, **changed):
    """Errors of one pair: clip i of the batch with some of its tensors changed."""
    pair = {name: x[i : i + 1] for name, x in BATCH.items()} | {name: x[None] for name, x in changed.items()}
    return errors(p, predict, weighting, **pair, alpha=ALPHA_BARS[i : i + 1], n=N[i : i + 1])


def contrastive(p, predict, weighting, eta=0.1):
    """Eq. 9: -eta (E L(v, a-) + E L(v-, a)) over the first two clips, targets from the negatives' own data and noise."""
    n = NEGATIVES
    terms = [
        joint(replaced(p, predict, weighting, i, a0=n["a0"][i], ea=n["ea"][i]))
        + joint(replaced(p, predict, weighting, i, v0=n["v0"][i], ev=n["ev"][i]))
        for i in range(2)
    ]
    return -eta * sum(terms) / 2


def cdcd(p, predict, weighting, eta=0.1):
    """Eq. 7, second line: -eta times the sum over two negatives of the audio's loss, the mean over two clips."""
    n = NEGATIVES
    terms = [
        replaced(p, predict, weighting, i, a0=n["a0"][2 * j + i], ea=n["ea"][2 * j + i])["audio"]
        for i in range(2)
        for j in range(2)
    ]
    return -eta * sum(terms) / 2


LOSSES = {"diffusion": diffusion, "contrastive": contrastive, "cdcd": cdcd}


def main(path):
    cases = []
    for loss, function in LOSSES.items():
        for predict in ("v", "epsilon", "x0"):
            for weighting in ("none", "v", "epsilon", "x0", {"min_snr": 5}):
                p = [torch.tensor(x, requires_grad=True) for x in PARAMETERS]
                value = function(p, predict, weighting)
                grads = torch.autograd.grad(value, p, materialize_grads=True)
                cases.append(
                    {
                        "loss": loss,
                        "predict": predict,
                        "weighting": weighting,
                        "value": value.item(),
                        "gradients": [g.item() for g in grads],
                    }
                )
    pathlib.Path(path).parent.mkdir(exist_ok=True)
    pathlib.Path(path).write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")


if __name__ == "__main__":
    main(sys.argv[1])
