r"""Reference values of HiFi-GAN's generator (Kong, Kim and Bae 2020): checkpoints as the official code writes them, and what they make of a spectrogram.

Made with Python 3.11, torch 2.15.0 and safetensors 0.8.0 (CPU, double precision; weights and inputs are rounded to float32 before). Run from
the repository's root:

    python bench/reference/hifi_gan.py packages/plugin-melgan/src/hifi-gan/fixtures
    python bench/reference/hifi_gan.py --full DIRECTORY        # for: node bench/hifi-gan-parity.js DIRECTORY

Writes a folder for each of the configurations V1, V2 and V3 of the paper, without --full much narrower and V1 and V3 alone: `generator.pt`
({"generator": state_dict} with weight normalisation), `config.json`, and `expected.safetensors`: `mel` [frames, bins], natural logarithms as the
official code computes them, and `sound` [samples]. The network is written after the paper's description and the names of published checkpoints.
"""

import argparse
import json
import os

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

FEATURES = dict(num_mels=80, n_fft=1024, hop_size=256, win_size=1024, sampling_rate=22050, fmin=0, fmax=8000)
WIDE = dict(upsample_rates=[8, 8, 2, 2], upsample_kernel_sizes=[16, 16, 4, 4])
V1 = dict(resblock="1", upsample_initial_channel=512, resblock_kernel_sizes=[3, 7, 11], resblock_dilation_sizes=[[1, 3, 5]] * 3, **WIDE)
V2 = dict(V1, upsample_initial_channel=128)
V3 = dict(
    resblock="2",
    upsample_rates=[8, 8, 4],
    upsample_kernel_sizes=[16, 16, 8],
    upsample_initial_channel=256,
    resblock_kernel_sizes=[3, 5, 7],
    resblock_dilation_sizes=[[1, 2], [2, 6], [3, 12]],
)
FULL = dict(v1=dict(V1, **FEATURES), v2=dict(V2, **FEATURES), v3=dict(V3, **FEATURES))
NARROW = dict(
    v1=dict(V1, **dict(FEATURES, num_mels=6, hop_size=16, n_fft=64, win_size=64), upsample_rates=[4, 2, 2], upsample_kernel_sizes=[8, 4, 6], upsample_initial_channel=16, resblock_kernel_sizes=[3, 5], resblock_dilation_sizes=[[1, 3, 5], [1, 2, 4]]),
    v3=dict(V3, **dict(FEATURES, num_mels=6, hop_size=16, n_fft=64, win_size=64), upsample_rates=[4, 4], upsample_kernel_sizes=[8, 8], upsample_initial_channel=16, resblock_kernel_sizes=[3, 5]),
)
NARROW["v3"]["resblock_dilation_sizes"] = [[1, 2], [2, 6]]


def normalised(state, name):
    v, g = state[f"{name}.weight_v"], state[f"{name}.weight_g"]
    return v * (g / v.flatten(1).norm(dim=1).reshape(-1, 1, 1))


def convolve(state, name, x, dilation=1):
    weight = normalised(state, name)
    return F.conv1d(x, weight, state[f"{name}.bias"], dilation=dilation, padding=dilation * (weight.shape[2] - 1) // 2)


def residual(state, name, kind, dilations, x):
    for k, dilation in enumerate(dilations):
        y = F.leaky_relu(x, 0.1)
        if kind == "1":
            y = convolve(state, f"{name}.convs1.{k}", y, dilation)
            y = convolve(state, f"{name}.convs2.{k}", F.leaky_relu(y, 0.1))
        else:
            y = convolve(state, f"{name}.convs.{k}", y, dilation)
        x = x + y
    return x


def generator(state, config, mel):
    kernels = config["resblock_kernel_sizes"]
    x = convolve(state, "conv_pre", mel)
    for i, (rate, kernel) in enumerate(zip(config["upsample_rates"], config["upsample_kernel_sizes"])):
        name = f"ups.{i}"
        x = F.conv_transpose1d(F.leaky_relu(x, 0.1), normalised(state, name), state[f"{name}.bias"], stride=rate, padding=(kernel - rate) // 2)
        blocks = [
            residual(state, f"resblocks.{i * len(kernels) + j}", config["resblock"], dilations, x)
            for j, dilations in enumerate(config["resblock_dilation_sizes"])
        ]
        x = sum(blocks) / len(kernels)
    return torch.tanh(convolve(state, "conv_post", F.leaky_relu(x)))


def draw(config, seed):
    random = torch.Generator().manual_seed(seed)
    state = {}

    def add(name, shape, biases):
        fan_in = shape[1] * shape[2]
        v = torch.randn(shape, generator=random) / fan_in**0.5
        state[f"{name}.bias"] = 0.1 * torch.randn(biases, generator=random)
        state[f"{name}.weight_g"] = v.flatten(1).norm(dim=1).reshape(-1, 1, 1) * (1 + 0.2 * torch.rand(shape[0], 1, 1, generator=random))
        state[f"{name}.weight_v"] = v

    channels = config["upsample_initial_channel"]
    add("conv_pre", [channels, config["num_mels"], 7], channels)
    for i, kernel in enumerate(config["upsample_kernel_sizes"]):
        add(f"ups.{i}", [channels >> i, channels >> (i + 1), kernel], channels >> (i + 1))
    for i in range(len(config["upsample_rates"])):
        width = channels >> (i + 1)
        for j, (kernel, dilations) in enumerate(zip(config["resblock_kernel_sizes"], config["resblock_dilation_sizes"])):
            for part in ["convs1", "convs2"] if config["resblock"] == "1" else ["convs"]:
                for k in range(len(dilations)):
                    add(f"resblocks.{i * len(config['resblock_kernel_sizes']) + j}.{part}.{k}", [width, width, kernel], width)
    add("conv_post", [1, width, 7], 1)
    return state


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--frames", type=int, default=23)
    arguments = parser.parse_args()
    for seed, (name, config) in enumerate((FULL if arguments.full else NARROW).items()):
        folder = os.path.join(arguments.folder, name)
        os.makedirs(folder, exist_ok=True)
        state = draw(config, seed)
        # Natural logarithms of magnitudes between the floor, 1e-5, and 10.
        random = torch.Generator().manual_seed(100 + seed)
        mel = (torch.rand(arguments.frames, config["num_mels"], generator=random) * 13.8 - 11.5).contiguous()
        precise = {key: value.double() for key, value in state.items()}
        sound = generator(precise, config, mel.double().T[None])[0, 0].float()
        torch.save({"generator": state}, os.path.join(folder, "generator.pt"))
        with open(os.path.join(folder, "config.json"), "w") as file:
            json.dump(config, file)
        save_file({"mel": mel, "sound": sound}, os.path.join(folder, "expected.safetensors"))
        print(f"{name}: {sum(value.numel() for value in state.values()):,} values, sound between {sound.min():.3f} and {sound.max():.3f}")


main()
