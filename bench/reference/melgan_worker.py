"""The PyTorch side of bench/melgan-speed.js: one JSON request a line on stdin, one JSON reply a line on stdout.

    {"do": "prepare", "path": "...", "frames": 112, "threads": 2}   weights and `mel` are those of the safetensors file     -> {"versions"}
    {"do": "run"}                                                                                                     -> {"seconds"}
    {"do": "output", "path": "..."}   writes the last sound, float32                                                  -> {}

Weight normalisation is removed, as the official code's authors do for inference. Made with torch 2.15.0 and safetensors 0.8.0.
"""

import json
import sys
import time

import torch
from safetensors import safe_open

from melgan_networks import Parameters, generator


class Worker:
    def prepare(self, path, frames, threads):
        torch.set_num_threads(threads)
        parameters = Parameters()
        with safe_open(path, "pt") as file:
            self.options = json.loads(file.metadata()["generator"])
            for name in file.keys():
                if name.startswith("generator."):
                    parameters[name[len("generator.") :]] = file.get_tensor(name)
            mel = file.get_tensor("mel").movedim(1, 2)
        self.parameters = parameters.folded()
        self.mel = mel.repeat(1, 1, -(-frames // mel.shape[2]))[:, :, :frames].contiguous()
        return {"versions": f"torch {torch.__version__}"}

    def run(self):
        with torch.inference_mode():
            start = time.perf_counter()
            self.sound = generator(self.parameters, self.options, self.mel)
            return {"seconds": time.perf_counter() - start}

    def output(self, path):
        self.sound.numpy().tofile(path)
        return {}


worker = Worker()
for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps(getattr(worker, request.pop("do"))(**request)), flush=True)
