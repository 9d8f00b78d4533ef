"""Reference values of transposed convolution and its gradients.

Made with Python 3.11 and torch 2.2.2 (CPU, double precision). Run from the repository's root:

    python bench/reference/conv_transpose.py > packages/jit/src/nn/fixtures/conv-transpose.json

x and results are channels-last, filters [C, O / groups, ...kernel]. `loss` is the sum of the result times sin(0.5 + i), i the flat
index of the channels-last result.
"""

import json

import torch
from torch.nn import functional as F

CASES = [
    dict(x=[2, 5, 4], filter=[4, 3, 3], stride=[2], pad=[1], outputPad=[1], groups=1, dilation=[1]),
    dict(x=[1, 6, 6], filter=[6, 2, 4], stride=[3], pad=[0], outputPad=[0], groups=3, dilation=[2]),
    dict(x=[2, 3, 4, 4], filter=[4, 2, 3, 2], stride=[2, 1], pad=[1, 0], outputPad=[1, 0], groups=2, dilation=[1, 2]),
    dict(x=[1, 2, 3, 2, 2], filter=[2, 3, 2, 1, 3], stride=[1, 2, 2], pad=[0, 0, 1], outputPad=[0, 1, 1], groups=1, dilation=[1, 1, 1]),
]
OPERATIONS = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}


def numbers(shape: list[int], seed: float) -> torch.Tensor:
    i = torch.arange(1, torch.Size(shape).numel() + 1, dtype=torch.float64)
    return torch.sin(12.9898 * i * seed + seed).float().double().reshape(shape).requires_grad_()


def rounded(values: torch.Tensor) -> list[float]:
    return [float(f"{value:.8g}") for value in values.detach().reshape(-1).tolist()]


results = []
for case in CASES:
    rank = len(case["filter"]) - 2
    x, weights = numbers(case["x"], 1.3), numbers(case["filter"], 0.7)
    bias = numbers([case["filter"][1] * case["groups"]], 0.4)
    y = OPERATIONS[rank](
        x.movedim(-1, 1), weights, bias, case["stride"], case["pad"], case["outputPad"], case["groups"], case["dilation"]
    ).movedim(1, -1)
    loss = (y.reshape(-1) * torch.sin(0.5 + torch.arange(y.numel(), dtype=torch.float64))).sum()
    loss.backward()
    tensors = dict(x=x, filter=weights, bias=bias)
    results.append({
        "options": {key: case[key] for key in ("stride", "pad", "outputPad", "groups", "dilation")},
        "inputs": {key: {"shape": list(value.shape), "data": rounded(value)} for key, value in tensors.items()},
        "y": {"shape": list(y.shape), "data": rounded(y)},
        "gradients": {key: rounded(value.grad) for key, value in tensors.items()},
    })
print(json.dumps(results, separators=(",", ":")))
