"""The PyTorch side of bench/jit-speed.js: one JSON request a line on stdin, one JSON reply a line on stdout.

    {"do": "prepare", "figure": "forward", "network": {...}, "size": 16, "compile": false}   -> {"seconds"}
    {"do": "run"}                                                                           -> {"seconds"}
    {"do": "output", "path": "..."}   writes the last run's numbers, channels-last float32  -> {}
    {"do": "memory"}                                                                        -> {"peak", "resident"} in bytes

Made with torch 2.15.0, numpy 2.4.6 (Python 3.11).
"""

import json
import resource
import sys
import time

import numpy as np
import torch

from cmmd_unet import Unet, fill

ALPHA_BAR = 0.8
S, R = ALPHA_BAR**0.5, (1 - ALPHA_BAR) ** 0.5


def wave(f, step, phase, shape):
    return f(step * torch.arange(np.prod(shape), dtype=torch.float64) + phase).float().reshape(shape)


def inputs(batch, channels, size):
    video, audio = (batch, channels, 18, size, size), (batch, 80, 112)
    return {
        "video": wave(torch.sin, 0.11, 0.3, video),
        "audio": wave(torch.cos, 0.07, 0, audio),
        "video_noise": wave(torch.sin, 0.13, 1, video),
        "audio_noise": wave(torch.cos, 0.09, 2, audio),
        "n": 123 + 94 * torch.arange(batch, dtype=torch.float32),
    }


def channels_last(x):
    return x.detach().movedim(1, -1) if x.dim() > 0 else x.detach()


def forward(unet, parameters, x):
    """Both outputs."""

    def run():
        with torch.inference_mode():
            return unet(x["video"], x["audio"], x["n"])

    return run


def guidance(unet, parameters, x):
    """Gradient of ||noise - x0 estimate of the video||^2 by the audio; the weights need none."""
    for p in parameters:
        p.requires_grad_(False)

    def run():
        audio = x["audio"].clone().requires_grad_()
        x0 = S * x["video"] - R * unet(x["video"], audio, x["n"])[0]
        return torch.autograd.grad((x0 - x["video_noise"]).square().sum(), audio)

    return run


def training(unet, parameters, x):
    """Forward, backward, Adam on the joint diffusion loss of velocities; the loss."""
    adam = torch.optim.Adam(parameters, lr=1e-4, fused=True)
    pairs = [(x["video"], x["video_noise"]), (x["audio"], x["audio_noise"])]

    def run():
        adam.zero_grad(set_to_none=True)
        outputs = unet(*(S * clean + R * noise for clean, noise in pairs), x["n"])
        targets = [S * noise - R * clean for clean, noise in pairs]
        loss = sum((out - target).square().mean() for out, target in zip(outputs, targets))
        loss.backward()
        adam.step()
        return (loss,)

    return run


FIGURES = {"forward": forward, "guidance": guidance, "training": training}


class Worker:
    def prepare(self, figure, network, size, compile):
        start = time.perf_counter()
        unet = fill(
            Unet(
                network["videoChannels"],
                80,
                network["channels"],
                network["multipliers"],
                network["head_dim"],
                network["groups"],
            )
        )
        parameters = list(unet.parameters())
        model = torch.compile(unet) if compile else unet
        self.step = FIGURES[figure](model, parameters, inputs(network["batch"], network["videoChannels"], size))
        return {"seconds": time.perf_counter() - start, "versions": f"torch {torch.__version__}"}

    def run(self):
        self.last = None
        start = time.perf_counter()
        self.last = self.step()
        return {"seconds": time.perf_counter() - start}

    def output(self, path):
        with open(path, "wb") as file:
            for x in self.last:
                file.write(channels_last(x).contiguous().numpy().tobytes())
        return {}

    def memory(self):
        unit = 1 if sys.platform == "darwin" else 1024
        return {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[1]))
    worker = Worker()
    for line in sys.stdin:
        request = json.loads(line)
        reply = getattr(worker, request.pop("do"))(**request)
        print(json.dumps(reply), flush=True)
