r"""Reference values of MelGAN's networks: outputs, and the gradients of both losses.

Made with Python 3.11, torch 2.15.0 and safetensors 0.8.0 (CPU, double precision; weights and inputs are rounded to float32 before). Run from
the repository's root:

    python bench/reference/melgan.py packages/plugin-melgan/src/fixtures/networks.safetensors \
        --checkpoint packages/plugin-melgan/src/fixtures/generator.pt
    python bench/reference/melgan.py --full /tmp/melgan.safetensors        # for: node bench/melgan-parity.js /tmp/melgan.safetensors

The networks are those of melgan_networks.py, written after the paper's description. `--official FOLDER`, a checkout of
descriptinc/melgan-neurips, compares them with the official code: names, shapes and number of parameters, all outputs, and the scale of its
untrained weights.

Tensors: parameters `generator.*`, `discriminator.*`; `mel` [batch, frames, bins], `real` and `generated` [batch, samples]; features and scores
`real.SCALE.LAYER`, `fake.SCALE.LAYER`, channels-last; gradients `gradient.generator.*` of the generator's loss, `gradient.discriminator.*` of
the discriminators'. Losses: least squares; for the generator also 2 times feature matching with the official normalisation.

With `--full` the generator's gradients are those at another point, `point.mel` and `point.real`: a LeakyReLU has two gradients at 0, and among
millions of its inputs some are so near to 0 that float32 puts them on the other side. One of them changes the gradients by some thousandths,
PyTorch's own too; so the spectrogram is taken that keeps the farthest from 0 out of a number of draws, in double precision.
"""

import argparse
import json
import sys
import types
from unittest import mock

import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from melgan_networks import Parameters, discriminators, draw, generator

FULL = dict(
    generator=dict(bins=80, ngf=32, ratios=[8, 8, 2, 2], residual_layers=3),
    discriminator=dict(scales=3, ndf=16, layers=4, factor=4),
    batch=1,
    frames=32,
    point=dict(frames=8, draws=32),
)
SMALL = dict(
    generator=dict(bins=6, ngf=4, ratios=[4, 3], residual_layers=2),
    discriminator=dict(scales=3, ndf=4, layers=2, factor=2),
    batch=2,
    frames=11,
)


def compare_with_official(folder, sizes, tensors, outputs):
    # The package's other modules, and librosa, are not needed.
    package, librosa, filters = (types.ModuleType(name) for name in ("mel2wav", "librosa", "librosa.filters"))
    package.__path__ = [folder + "/mel2wav"]
    filters.mel = None
    sys.modules.update({"mel2wav": package, "librosa": librosa, "librosa.filters": filters})
    from mel2wav.modules import Discriminator, Generator

    g, d = sizes["generator"], sizes["discriminator"]
    networks = dict(
        generator=Generator(g["bins"], g["ngf"], g["residual_layers"]),
        discriminator=Discriminator(d["scales"], d["ndf"], d["layers"], d["factor"]),
    )
    for name, network in networks.items():
        fresh = {key: value for key, value in network.state_dict().items() if key.endswith("weight_v")}
        key, value = max(fresh.items(), key=lambda item: item[1].numel())
        network(torch.randn(1, g["bins"], 16) if name == "generator" else torch.randn(1, 1, 16384))
        print(f"official {name}: {sum(x.numel() for x in network.parameters()):,} parameters; untrained {key}: standard deviation "
              f"{value.std():.5f}, PyTorch's default {(3 * value[0].numel()) ** -0.5:.5f}")
        own = {key[len(name) + 1 :]: value for key, value in tensors.items() if key.startswith(name + ".")}
        assert list(own) == list(network.state_dict()), "names differ"
        network.double().load_state_dict({key: value.double() for key, value in own.items()})
    with torch.no_grad():
        sound = networks["generator"](outputs["mel"])
        scores = networks["discriminator"](outputs["sound"])
    print("generator: largest difference", float((sound - outputs["sound"]).abs().max()))
    differences = [(x - y).abs().max() for xs, ys in zip(scores, outputs["fake"]) for x, y in zip(xs, ys)]
    print(f"discriminators: {len(differences)} outputs, largest difference", float(max(differences)))


arguments = argparse.ArgumentParser()
arguments.add_argument("file")
arguments.add_argument("--full", action="store_true")
arguments.add_argument("--official")
arguments.add_argument("--checkpoint", help="writes the generator in PyTorch's older format, as the published checkpoints are")
arguments = arguments.parse_args()
sizes = FULL if arguments.full else SMALL

G, D = Parameters(), Parameters()
mel = draw([sizes["batch"], sizes["generator"]["bins"], sizes["frames"]], 1)
sound = generator(G, sizes["generator"], mel)
real = (torch.tanh(draw(sound.shape, 2))).float().double()

fake = discriminators(D, sizes["discriminator"], sound.detach())
true = discriminators(D, sizes["discriminator"], real)
loss_d = sum((r[-1] - 1).square().mean() + f[-1].square().mean() for r, f in zip(true, fake))
loss_d.backward()
gradients = {f"gradient.discriminator.{name}": value.grad.clone() for name, value in D.items()}


leaky_relu = F.leaky_relu


def distance_from_kinks(mel):
    """How near the inputs of the generator's LeakyReLUs come to 0, relative to their root mean square."""
    nearest = []

    def measured(x, slope):
        nearest.append(float(x.abs().min() / x.square().mean().sqrt()))
        return leaky_relu(x, slope)

    with torch.no_grad(), mock.patch.object(F, "leaky_relu", measured):
        generator(G, sizes["generator"], mel)
    return min(nearest)


def generator_loss(G, D, mel, real):
    judged, true = (discriminators(D, sizes["discriminator"], x) for x in (generator(G, sizes["generator"], mel), real))
    scales, layers = sizes["discriminator"]["scales"], sizes["discriminator"]["layers"]
    matching = sum((f - r.detach()).abs().mean() for fs, rs in zip(judged, true) for f, r in zip(fs[:-1], rs[:-1]))
    return sum((f[-1] - 1).square().mean() for f in judged) + 2 * 4 / (layers + 1) / scales * matching


point = (mel, real)
if "point" in sizes:
    shape = [sizes["batch"], sizes["generator"]["bins"], sizes["point"]["frames"]]
    seed = max(range(1, sizes["point"]["draws"] + 1), key=lambda seed: distance_from_kinks(draw(shape, seed)))
    chosen = draw(shape, seed)
    point = (chosen, real[..., : shape[2] * real.shape[2] // sizes["frames"]])
    print(f"point of the generator's gradients: draw {seed}, {distance_from_kinks(chosen):.2g} from the nearest kink")
loss_g = generator_loss(G, D, *point)
loss_g.backward()
gradients.update({f"gradient.generator.{name}": value.grad for name, value in G.items()})
g, d = (Parameters({name: x.detach().float().requires_grad_() for name, x in P.items()}) for P in (G, D))
generator_loss(g, d, *(x.float() for x in point)).backward()
single = max(float((g[name].grad - x.grad).norm() / x.grad.norm()) for name, x in G.items())
print(f"the generator's gradients in PyTorch's float32: {single:.2g} off at the worst parameter")

tensors = {f"generator.{name}": value for name, value in G.items()}
tensors.update({f"discriminator.{name}": value for name, value in D.items()})
if arguments.official:
    compare_with_official(arguments.official, sizes, tensors, dict(mel=mel, sound=sound.detach(), fake=fake))
tensors.update(gradients)
if "point" in sizes:
    tensors.update({"point.mel": point[0].movedim(1, 2), "point.real": point[1][:, 0]})
tensors.update(mel=mel.movedim(1, 2), generated=sound[:, 0], real=real[:, 0], loss_generator=loss_g, loss_discriminator=loss_d)
for name, results in (("real", true), ("fake", fake)):
    for scale, outputs in enumerate(results):
        tensors.update({f"{name}.{scale}.{i}": x.movedim(1, 2) for i, x in enumerate(outputs)})
if arguments.checkpoint:
    state = {"netG": {"module." + name: value.detach().float() for name, value in G.items()}}
    torch.save(state, arguments.checkpoint, _use_new_zipfile_serialization=False)
options = {key: json.dumps(sizes[key]) for key in ("generator", "discriminator")}
save_file({name: x.detach().float().contiguous() for name, x in tensors.items()}, arguments.file, options)
