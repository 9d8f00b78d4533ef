"""Gradients of the whole U-Net in float64, for packages/plugin-cmmd/src/unet/gradients.test.ts.

    python unet_gradients.py ../../packages/plugin-cmmd/src/unet/fixtures/gradients.json

The loss is the sum of squares of both outputs; weights and inputs are the specification's formula. For every parameter the
file holds the gradient's norm and its products with three vectors of independent values in [-1, 1), whose errors show a wrong direction
as well: their mean square times three estimates the squared norm of the gradient's error.

    python unet_gradients.py --full directory

writes the full gradients of the paper's network (105,840,212 parameters, 16x16 latents), float64 rounded to float32, one file `gradients.f32`
with all parameters in their order, and `names.json`; bench/gradient-parity.js compares.

Made with torch 2.15.0, numpy 2.4.6 (Python 3.11).
"""

import json
import pathlib
import sys

import torch

from cmmd_unet import Unet, fill, formula, inputs

SMALL = {"channels": 32, "multipliers": [1, 2, 3, 4], "head_dim": 32, "groups": 32, "embedding": 128}
PROBES = 3


def gradients(unet, shape):
    """The gradient of sum(video^2) + sum(audio^2) by every parameter, by name."""
    video, audio = unet(*inputs(shape, 4, 80, torch.float64))
    loss = video.square().sum() + audio.square().sum()
    named = dict(unet.named_parameters())
    return dict(zip(named, torch.autograd.grad(loss, list(named.values()))))


def probe(index, k, size):
    """The k-th vector of the parameter with this index: the formula's plain values of a parameter of index 1000 (k + 1) + index."""
    return formula(1000 * (k + 1) + index, (size,), False) / 0.1


def small(path):
    shape = (1, 18, 16, 112)
    grads = gradients(fill(Unet(**SMALL).double()), shape)
    rows = {}
    for index, (name, g) in enumerate(grads.items()):
        flat = g.contiguous().flatten()
        dots = [flat.dot(probe(index, k, len(flat))).item() for k in range(PROBES)]
        rows[name] = [float(f"{x:.9e}") for x in (flat.norm().item(), *dots)]
    head = json.dumps({"options": SMALL, "shape": shape})[:-1]
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items())
    pathlib.Path(path).write_text(f'{head}, "gradients": {{\n{lines}\n}}}}\n')


def full(directory):
    folder = pathlib.Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    grads = gradients(fill(Unet().double()), (1, 18, 16, 112))
    with open(folder / "gradients.f32", "wb") as file:
        for g in grads.values():
            file.write(g.contiguous().float().numpy().tobytes())
    (folder / "names.json").write_text(json.dumps([[name, list(g.shape)] for name, g in grads.items()]))


if __name__ == "__main__":
    if len(sys.argv) == 2 and not sys.argv[1].startswith("-"):
        small(sys.argv[1])
    elif len(sys.argv) == 3 and sys.argv[1] == "--full":
        full(sys.argv[2])
    else:
        sys.exit(__doc__)
