"""Small PyTorch files in both formats, and what is in them, for the tests of `cmmd import`: torch 2.15.

    python bench/reference/pytorch_files.py packages/core/src/interchange/fixtures
"""

import json
import os
import sys
from collections import OrderedDict

import torch

folder = sys.argv[1]
torch.manual_seed(0)
base = torch.randn(4, 6)
state = OrderedDict(
    [
        ("weight_g", torch.randn(3, 1, 1)),
        ("weight_v", torch.randn(3, 2, 5)),
        ("rows", base),
        ("turned", base.t()),
        ("part", base[1:3, 2:5]),
        ("stepped", base[:, ::2]),
        ("half", torch.randn(5).half()),
        ("bfloat", torch.randn(5).bfloat16()),
        ("double", torch.randn(3).double()),
        ("long", torch.tensor([-3, 0, 2**30])),
        ("byte", torch.tensor([0, 255], dtype=torch.uint8)),
        ("bool", torch.tensor([True, False])),
        ("scalar", torch.tensor(2.5)),
        ("empty", torch.zeros(0, 3)),
        ("parameter", torch.nn.Parameter(torch.randn(2))),
    ]
)
nested = {"netG": state, "optim": {"state": [torch.ones(2)], "lr": 1e-4, "name": "adam"}, "step": 7}
for name, new in (("zip", True), ("legacy", False)):
    torch.save(nested, f"{folder}/{name}.pt", _use_new_zipfile_serialization=new)
    module = {f"module.{key}": value for key, value in list(state.items())[:2]}
    torch.save(module, f"{folder}/{name}-module.pt", _use_new_zipfile_serialization=new)


class Evil:
    def __reduce__(self):
        return (os.system, ("touch /tmp/cmmd-was-here",))


torch.save({"weight": torch.ones(2), "evil": Evil()}, f"{folder}/evil.pt")
torch.save(torch.nn.Linear(2, 2), f"{folder}/module-object.pt")
values = {f"netG.{k}": {"shape": list(v.shape), "data": v.detach().double().flatten().tolist()} for k, v in state.items()}
values["optim.state.0"] = {"shape": [2], "data": [1, 1]}
with open(f"{folder}/pytorch.json", "w") as file:
    json.dump(values, file)
