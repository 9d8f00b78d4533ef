"""The PyTorch side of bench/jit-convolutions.js: one JSON request a line on stdin, one JSON reply a line on stdout.

    {"do": "prepare", "case": {...}}      -> {}
    {"do": "run", "what": "forward"}      -> {"seconds"}
    {"do": "run", "what": "step"}         forward and both gradients  -> {"seconds"}
    {"do": "output", "path": "..."}       result, gradient by x, by the filter: float32, channels-last  -> {}

Made with torch 2.15.0, numpy 2.4.6 (Python 3.11).
"""

import json
import sys
import time

import numpy as np
import torch
from torch.nn import functional


def wave(step, shape):
    return torch.sin(step * torch.arange(int(np.prod(shape)), dtype=torch.float64)).float().reshape(shape)


def channels_first(x):
    return x.movedim(-1, 1).contiguous()


class Case:
    def __init__(self, case):
        spatial = len(case["size"])
        self.call = getattr(functional, f"conv{'_transpose' if case['transposed'] else ''}{spatial}d")
        self.options = {key: case[key] for key in ("stride", "dilation", "groups")}
        self.options["padding"] = case["pad"]
        self.x = channels_first(wave(0.11, [case["batch"], *case["size"], case["in"]]))
        self.filter = wave(0.13, case["filter"])
        with torch.no_grad():
            shape = self.call(self.x, self.filter, **self.options).movedim(1, -1).shape
        self.dy = channels_first(wave(0.17, shape))

    def forward(self):
        with torch.inference_mode():
            self.call(self.x, self.filter, **self.options)

    def step(self):
        x, w = self.x.requires_grad_(), self.filter.requires_grad_()
        x.grad = w.grad = None
        y = self.call(x, w, **self.options)
        y.backward(self.dy)
        return [y.detach().movedim(1, -1), x.grad.movedim(1, -1), w.grad]


def main():
    torch.set_num_threads(int(sys.argv[1]))
    case = None
    for line in sys.stdin:
        request = json.loads(line)
        reply = {}
        if request["do"] == "prepare":
            case = Case(request["case"])
        elif request["do"] == "run":
            start = time.perf_counter()
            getattr(case, request["what"])()
            reply = {"seconds": time.perf_counter() - start}
        elif request["do"] == "output":
            with open(request["path"], "wb") as file:
                for value in case.step():
                    file.write(value.contiguous().numpy().tobytes())
        print(json.dumps(reply), flush=True)


main()
