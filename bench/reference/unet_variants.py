"""Outputs and gradients of variants of the U-Net in float64, for packages/plugin-cmmd/src/unet/variants.test.ts.

    python unet_variants.py ../../packages/plugin-cmmd/src/unet/fixtures/variants.json

Weights and inputs are the specification's formula; the loss is the sum of squares of both outputs. For each output and, where the network
differs, for every parameter's gradient the file holds the norm and the products with three vectors of independent values in [-1, 1), as unet_gradients.py does;
the outputs' vectors are those of the indices -1 and -2.

Made with torch 2.15.0, numpy 2.4.6 (Python 3.11).
"""

import json
import pathlib
import sys

from cmmd_unet import Unet, fill, inputs
from unet_gradients import PROBES, gradients, probe

BASE = {"channels": 16, "multipliers": [1, 2, 3], "head_dim": 16, "groups": 8, "embedding": 32}
SIZES = {"video_channels": 4, "audio_bins": 80}
VARIANTS = {
    "twice as long": ({}, (1, 36, 8, 224)),
    "larger latents": ({}, (1, 3, 24, 16)),
    "cross-attention": ({"fusion": "cross-attention"}, (2, 5, 12, 32)),
    "cross-attention with fewer audio steps than frames": (
        {"fusion": "cross-attention", "multipliers": [1, 2]},
        (1, 18, 6, 8),
    ),
    "fusion in places, more blocks down": (
        {
            "fusion_levels": [1, "middle"],
            "attention_levels": [0],
            "multipliers": [1, 2],
            "encoder_blocks": 2,
            "decoder_blocks": 1,
            "middle_blocks": 1,
        },
        (1, 4, 4, 8),
    ),
    "no fusion, more blocks up": (
        {"fusion": "none", "multipliers": [1, 2], "decoder_blocks": 3, "middle_blocks": 0},
        (1, 4, 4, 8),
    ),
}


def facts(tensor, index):
    """The norm of a tensor and its products with the probes of an index."""
    flat = tensor.detach().contiguous().flatten()
    dots = [flat.dot(probe(index, k, len(flat))).item() for k in range(PROBES)]
    return [float(f"{x:.7e}") for x in (flat.norm().item(), *dots)]


def variant(options, shape):
    unet = fill(Unet(**SIZES, **options).double())
    video, audio = unet(*inputs(shape, SIZES["video_channels"], SIZES["audio_bins"], unet.a_in.weight.dtype))
    # The gradients of what only the sizes change are those of gradients.json.
    grads = gradients(unet, shape) if options != BASE else {}
    return {
        "options": options,
        "shape": shape,
        "video": facts(video.permute(0, 2, 3, 4, 1), -1),
        "audio": facts(audio.transpose(1, 2), -2),
        "gradients": {name: facts(g, index) for index, (name, g) in enumerate(grads.items())},
    }


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    rows = {name: variant({**BASE, **options}, shape) for name, (options, shape) in VARIANTS.items()}
    text = json.dumps(rows).replace('], "', '],\n"')
    pathlib.Path(sys.argv[1]).write_text(f"{text}\n")
