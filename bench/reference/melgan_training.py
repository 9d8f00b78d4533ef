"""Two training steps of a small MelGAN with all four losses, for packages/cli/test/vocoder.test.ts.

    python melgan_training.py ../../packages/cli/test/fixtures/vocoder-steps.safetensors

As in the official code: the discriminators take their step first; the generator is judged by the discriminators after theirs, and its feature maps
are compared with those that the discriminators had before it. torch.optim.Adam in double precision. Both steps learn from the same
sounds. Weights are as float32 holds them, sounds of 16 bits. Tensors: parameters before (`SET.NAME`) and after two steps (`after.SET.NAME`), Adam's
first moment then (`moment.SET.NAME`), `sound` [batch, samples] as whole numbers, `losses.STEP` (adversarial, feature matching, mel, stft,
discriminators').

Made with torch 2.15.0, safetensors 0.8.0 (Python 3.11).
"""

import json
import math
import sys

import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from melgan_networks import Parameters, discriminators, draw, generator

torch.set_default_dtype(torch.float64)

SIZES = dict(
    generator=dict(bins=6, ngf=4, ratios=[4, 4], residual_layers=1),
    discriminator=dict(scales=2, ndf=4, layers=2, factor=2),
)
MEL = dict(rate=16000, bins=6, window=32, hop=16, fmin=0, fmax=8000)
WEIGHTS = dict(adversarial=1.0, feature_matching=2.0, mel=10.0, stft=1.5)
RATE, BETAS, FRAMES, BATCH = 1e-3, (0.5, 0.9), 40, 2
RESOLUTIONS = [(512, 60, 240), (1024, 120, 600), (2048, 240, 1200)]


def slaney(hertz):
    return hertz * 3 / 200 if hertz < 1000 else 15 + 27 * math.log(hertz / 1000) / math.log(6.4)


def hertz(mel):
    return mel * 200 / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)


def filters():
    """librosa.filters.mel: triangles of equal area, even on Slaney's scale."""
    low, high = slaney(MEL["fmin"]), slaney(MEL["fmax"])
    edges = [hertz(low + (high - low) * i / (MEL["bins"] + 1)) for i in range(MEL["bins"] + 2)]
    f = torch.arange(MEL["window"] // 2 + 1) * MEL["rate"] / MEL["window"]
    rows = []
    for left, centre, right in zip(edges, edges[1:], edges[2:]):
        height = torch.minimum((f - left) / (centre - left), (right - f) / (right - centre))
        rows.append(height.clamp(min=0) * 2 / (right - left))
    return torch.stack(rows)


def magnitudes(x, points, hop, window):
    pad = (window - hop) // 2
    frames = F.pad(x[:, None], (pad, pad), "reflect")[:, 0].unfold(1, window, hop)
    spectrum = torch.fft.rfft(frames * torch.hann_window(window), n=points)
    return (spectrum.real**2 + spectrum.imag**2).clamp(min=1e-18).sqrt()


def log_mel(x):
    return (magnitudes(x, MEL["window"], MEL["hop"], MEL["window"]) @ filters().T).clamp(min=1e-5).log10()


def stft_distance(real, made):
    distances = []
    for resolution in RESOLUTIONS:
        a, b = (magnitudes(x, *resolution).clamp(min=10**-3.5) for x in (real, made))
        distances.append((a - b).norm() / a.norm() + (a.log() - b.log()).abs().mean())
    return sum(distances) / len(distances)


samples = FRAMES * MEL["hop"]
whole = (0.2 * draw([BATCH, samples], 11) * 32768).round().clamp(-32767, 32767)
sound = whole / 32768
G, D = Parameters(), Parameters()
generator(G, SIZES["generator"], draw([1, MEL["bins"], FRAMES], 1))
discriminators(D, SIZES["discriminator"], sound[:, None])
networks = dict(model=G, discriminator=D)
tensors = {f"{name}.{key}": value.detach().clone() for name, p in networks.items() for key, value in p.items()}
optimisers = {name: torch.optim.Adam(p.values(), lr=RATE, betas=BETAS, eps=1e-8) for name, p in networks.items()}

for step in range(2):
    features = log_mel(sound)
    made = generator(G, SIZES["generator"], features.movedim(1, 2))
    true = discriminators(D, SIZES["discriminator"], sound[:, None])
    fake = discriminators(D, SIZES["discriminator"], made.detach())
    loss_d = sum((r[-1] - 1).square().mean() + f[-1].square().mean() for r, f in zip(true, fake))
    optimisers["discriminator"].zero_grad()
    loss_d.backward()
    optimisers["discriminator"].step()
    judged = discriminators(D, SIZES["discriminator"], made)
    factor = 4 / (SIZES["discriminator"]["layers"] + 1) / SIZES["discriminator"]["scales"]
    losses = dict(
        adversarial=sum((f[-1] - 1).square().mean() for f in judged),
        feature_matching=factor
        * sum((f - r.detach()).abs().mean() for fs, rs in zip(judged, true) for f, r in zip(fs[:-1], rs[:-1])),
        mel=(log_mel(made[:, 0]) - features).abs().mean(),
        stft=stft_distance(sound, made[:, 0]),
    )
    optimisers["model"].zero_grad()
    sum(WEIGHTS[name] * value for name, value in losses.items()).backward()
    optimisers["model"].step()
    tensors[f"losses.{step}"] = torch.stack([*losses.values(), loss_d]).detach()

for name, p in networks.items():
    for key, value in p.items():
        tensors[f"after.{name}.{key}"] = value.detach()
        tensors[f"moment.{name}.{key}"] = optimisers[name].state[value]["exp_avg"]
tensors["sound"] = whole
settings = dict(sizes=SIZES, mel=MEL, weights=WEIGHTS, rate=RATE, betas=BETAS)
save_file(
    {name: x.float().contiguous() for name, x in tensors.items()},
    sys.argv[1],
    {name: json.dumps(value) for name, value in settings.items()},
)
