"""The PyTorch side of bench/sampling-speed.js: one JSON request a line on stdin, one JSON reply a line on stdout.

    {"do": "prepare", "network": {...}, "size": 16, "steps": 200, "weight": 0.1, "path": "..."}   -> {"versions"}
    {"do": "run"}                                                                               -> {"seconds"}
    {"do": "output", "path": "..."}   writes the last audio, float32 [frames, bins]             -> {}
    {"do": "end"}                                                                               -> {}

The loop is the specification's section 7.1 (c) and 7.2: DDIM with eta 0, the video known and diffused with noise drawn once, reconstruction
guidance of the audio, eps implied by the guided x0. Weights need no gradient. `path` of prepare holds the known video, its noise and both
modalities' first x, float32 channels-last.

Made with torch 2.15.0, numpy 2.4.6 (Python 3.11).
"""

import json
import math
import sys
import time

import numpy as np
import torch

from cmmd_unet import Unet, fill

STEPS = 1000


def alpha_bars():
    f = [math.cos((n / STEPS + 0.008) / 1.008 * math.pi / 2) ** 2 for n in range(STEPS + 1)]
    result = [1.0]
    for n in range(STEPS):
        result.append(result[-1] * (1 - min(1 - f[n + 1] / f[n], 0.999)))
    return result


class Worker:
    def prepare(self, network, size, steps, weight, path):
        net = network
        self.unet = fill(
            Unet(net["videoChannels"], 80, net["channels"], net["multipliers"], net["head_dim"], net["groups"])
        )
        for p in self.unet.parameters():
            p.requires_grad_(False)
        video, audio = (18, size, size, net["videoChannels"]), (112, 80)
        values = torch.from_numpy(np.fromfile(path, dtype=np.float32))
        parts = values.split([math.prod(video)] * 3 + [math.prod(audio)])
        self.start = [x.reshape(1, *shape).movedim(-1, 1).contiguous() for x, shape in zip(parts, [video] * 3 + [audio])]
        self.steps, self.weight, self.alpha_bars = steps, weight, alpha_bars()
        return {"versions": f"torch {torch.__version__}"}

    def run(self):
        start = time.perf_counter()
        known, noise, _, audio = self.start
        for k in range(self.steps):
            n, m = (round(STEPS * (self.steps - i) / self.steps) for i in (k, k + 1))
            s, r = math.sqrt(self.alpha_bars[n]), math.sqrt(1 - self.alpha_bars[n])
            video = s * known + r * noise
            audio.requires_grad_()
            v_out, a_out = self.unet(video, audio, torch.tensor([float(n)]))
            error = (known - (s * video - r * v_out)).square().sum()
            (gradient,) = torch.autograd.grad(error, audio)
            with torch.no_grad():
                x0 = s * audio - r * a_out - self.weight * s * gradient
                eps = (audio - s * x0) / r
                audio = math.sqrt(self.alpha_bars[m]) * x0 + math.sqrt(1 - self.alpha_bars[m]) * eps
        self.last = audio
        return {"seconds": time.perf_counter() - start}

    def output(self, path):
        self.last[0].movedim(0, 1).contiguous().numpy().tofile(path)
        return {}

    def end(self):
        return {}


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[1]))
    worker = Worker()
    for line in sys.stdin:
        request = json.loads(line)
        reply = getattr(worker, request.pop("do"))(**request)
        print(json.dumps(reply), flush=True)
