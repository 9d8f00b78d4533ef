"""Reference values of Stable Diffusion's autoencoder: diffusers' AutoencoderKL with random weights, on the CPU.

    python bench/reference/autoencoder_kl.py                # the fixture of packages/plugin-cmmd/src/sd-vae (narrow: 4 to 12 channels)
    python bench/reference/autoencoder_kl.py --full FILE    # the published widths, for bench/autoencoder.js; some 350 MB

diffusers 0.42.1, PyTorch 2.15.0, safetensors 0.8.0, NumPy 2.4.6.
"""

import argparse
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from safetensors.torch import save_file

FIXTURE = Path(__file__).parents[2] / "packages/plugin-cmmd/src/sd-vae/fixtures/autoencoder_kl.safetensors"
# The names of diffusers before 0.18, which stabilityai/sd-vae-ft-mse was published with.
OLDER = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


def model(widths, groups):
    torch.manual_seed(7)
    vae = AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=["DownEncoderBlock2D"] * len(widths),
        up_block_types=["UpDecoderBlock2D"] * len(widths),
        block_out_channels=widths,
        layers_per_block=2,
        latent_channels=4,
        norm_num_groups=groups,
        scaling_factor=0.18215,
    ).eval()
    # Norms begin as identities, whose scales and offsets would prove nothing.
    for name, parameter in vae.named_parameters():
        if "norm" in name:
            parameter.data = torch.randn_like(parameter) * 0.2 + (1.0 if name.endswith("weight") else 0.0)
    return vae


def older(name):
    for new, old in OLDER.items():
        name = name.replace(f".attentions.0.{new}.", f".attentions.0.{old}.")
    return name


@torch.no_grad()
def values(vae, height, width, count):
    image = torch.rand(count, 3, height, width)
    latents = torch.randn(count, 4, height // 8, width // 8)
    posterior = vae.encode(image * 2 - 1).latent_dist
    decoded = vae.decode(latents).sample / 2 + 0.5
    last = lambda t: t.permute(0, 2, 3, 1).contiguous()
    return {
        "image": last(image),
        "mean": last(posterior.mean),
        "deviation": last(posterior.std),
        "latents": last(latents),
        "decoded": last(decoded),
    }


arguments = argparse.ArgumentParser()
arguments.add_argument("--full", metavar="FILE")
full = arguments.parse_args().full
vae = model((128, 256, 512, 512), 32) if full else model((4, 8, 12, 12), 4)
io = {f"golden.{name}": value for name, value in (values(vae, 128, 96, 1) if full else values(vae, 24, 40, 2)).items()}
# The encoder's attention by its older names, the decoder's by the newer ones: both were published.
weights = {older(name) if name.startswith("encoder") else name: value.contiguous() for name, value in vae.state_dict().items()}
target = Path(full) if full else FIXTURE
target.parent.mkdir(parents=True, exist_ok=True)
save_file({**weights, **io}, target)
print(target, target.stat().st_size, {name: tuple(value.shape) for name, value in io.items()})
