"""Adam with a clipped gradient and a moving average of the weights, in PyTorch 2.15 (float64, then rounded).

Writes packages/core/src/train/fixtures/clipped_adam.json: six steps of torch.nn.utils.clip_grad_norm_ + torch.optim.Adam on two
tensors whose gradients are closed formulas of the step, and the average by torch.lerp with the decay min(0.9, (1 + n) / (10 + n)).
"""

import json
from pathlib import Path

import torch

steps, clip, decay = 6, 1.5, 0.9
shapes = {"a": [3, 4], "b": [5]}
start = {n: torch.sin(torch.arange(torch.tensor(s).prod().item(), dtype=torch.float64)).reshape(s) for n, s in shapes.items()}


def gradient(name, step):
    size = torch.tensor(shapes[name]).prod().item()
    i = torch.arange(size, dtype=torch.float64)
    # Shorter than the limit in the first steps, longer in the last.
    return (torch.cos(i + step + len(name)) * 0.1 * (step + 1) ** 1.5).reshape(shapes[name])


model = torch.nn.ParameterDict({n: torch.nn.Parameter(p.clone()) for n, p in start.items()})
optimizer = torch.optim.Adam(model.parameters(), lr=0.01, betas=(0.9, 0.999), eps=1e-8)
average = {n: p.clone() for n, p in start.items()}
rows = []
for step in range(steps):
    for name, p in model.items():
        p.grad = gradient(name, step)
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimizer.step()
    for name, p in model.items():
        average[name].lerp_(p.detach(), 1 - min(decay, (1 + step) / (10 + step)))
    rows.append({
        "norm": norm.item(),
        "parameters": {n: p.detach().flatten().tolist() for n, p in model.items()},
        "ema": {n: p.detach().flatten().tolist() for n, p in average.items()},
    })
out = Path(__file__).parents[2] / "packages/core/src/train/fixtures/clipped_adam.json"
out.parent.mkdir(exist_ok=True)
gradients = [{n: gradient(n, s).flatten().tolist() for n in shapes} for s in range(steps)]
start = {n: p.flatten().tolist() for n, p in start.items()}
out.write_text(json.dumps({"clip": clip, "decay": decay, "start": start, "gradients": gradients, "steps": rows}) + "\n")
