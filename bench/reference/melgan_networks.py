"""MelGAN's generator and discriminators as functions of named parameters, written after the paper's description (Kumar et al. 2019).

For torch 2.15.0. bench/reference/melgan.py compares them with the official code.
"""

import torch
from torch.nn import functional as F


def draw(shape, seed, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(shape, generator=generator) * scale).float().double()


class Parameters(dict):
    """Weight-normalised convolutions by name, drawn when they are first asked for."""

    def convolution(self, name, shape, channels):
        if name + ".bias" not in self:
            fan_in = shape[1] * shape[2]
            v = draw(shape, len(self), fan_in**-0.5)
            g = v.norm(dim=(1, 2), keepdim=True) * (1 + 0.2 * draw([shape[0], 1, 1], len(self) + 1000))
            for part, value in (("bias", draw([channels], len(self) + 2000, 0.1)), ("weight_g", g), ("weight_v", v)):
                self[f"{name}.{part}"] = value.float().double().requires_grad_()
        if name + ".weight" in self:
            return self[name + ".weight"], self[name + ".bias"]
        v = self[name + ".weight_v"]
        weight = self[name + ".weight_g"] * v / v.norm(dim=(1, 2), keepdim=True)
        return weight, self[name + ".bias"]

    def folded(self):
        """The same convolutions without weight normalisation, in single precision and without gradients."""
        result = Parameters()
        for name in [key[: -len(".bias")] for key in self if key.endswith(".bias")]:
            weight, bias = self.convolution(name, None, None)
            result[name + ".weight"], result[name + ".bias"] = weight.detach().float(), bias.detach().float()
        return result


def generator(p, options, mel):
    bins, ngf, ratios, layers = (options[key] for key in ("bins", "ngf", "ratios", "residual_layers"))
    channels = ngf * 2 ** len(ratios)
    lrelu = lambda x: F.leaky_relu(x, 0.2)
    mirrored = lambda x, n: F.pad(x, (n, n), "reflect")
    x = F.conv1d(mirrored(mel, 3), *p.convolution("model.1", [channels, bins, 7], channels))
    place = 3
    for ratio in ratios:
        weight, bias = p.convolution(f"model.{place}", [channels, channels // 2, 2 * ratio], channels // 2)
        odd = ratio % 2
        x = F.conv_transpose1d(lrelu(x), weight, bias, ratio, ratio // 2 + odd, odd)
        channels //= 2
        for i in range(layers):
            name, dilation = f"model.{place + 1 + i}", 3**i
            y = mirrored(lrelu(x), dilation)
            y = F.conv1d(y, *p.convolution(name + ".block.2", [channels, channels, 3], channels), dilation=dilation)
            y = F.conv1d(lrelu(y), *p.convolution(name + ".block.4", [channels, channels, 1], channels))
            x = y + F.conv1d(x, *p.convolution(name + ".shortcut", [channels, channels, 1], channels))
        place += 2 + layers
    return torch.tanh(F.conv1d(mirrored(lrelu(x), 3), *p.convolution(f"model.{place + 1}", [1, channels, 7], 1)))


def discriminators(p, options, sound):
    results = []
    factor = options["factor"]
    for scale in range(options["scales"]):
        if scale > 0:
            sound = F.avg_pool1d(sound, 4, 2, 1, count_include_pad=False)
        name = lambda i, place: f"model.disc_{scale}.model.layer_{i}{place}"
        into = out = options["ndf"]
        weight, bias = p.convolution(name(0, ".1"), [out, 1, 15], out)
        outputs = [F.leaky_relu(F.conv1d(F.pad(sound, (7, 7), "reflect"), weight, bias), 0.2)]
        for i in range(1, options["layers"] + 1):
            into, out = out, min(out * factor, 1024)
            weight, bias = p.convolution(name(i, ".0"), [out, 4, 10 * factor + 1], out)
            y = F.conv1d(outputs[-1], weight, bias, factor, 5 * factor, groups=into // 4)
            outputs.append(F.leaky_relu(y, 0.2))
        wide = min(2 * out, 1024)
        last = options["layers"] + 1
        y = F.conv1d(outputs[-1], *p.convolution(name(last, ".0"), [wide, out, 5], wide), padding=2)
        outputs.append(F.leaky_relu(y, 0.2))
        outputs.append(F.conv1d(outputs[-1], *p.convolution(name(last + 1, ""), [1, wide, 3], 1), padding=1))
        results.append(outputs)
    return results
