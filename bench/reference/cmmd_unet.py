"""The joint U-Net of CMMD in PyTorch, written afresh: the network that the benchmarks and the parity fixtures compare with.

    python cmmd_unet.py --check unet_tiny.json unet_small.json

compares outputs, the norms of all parameters' gradients and the guidance gradient with float64 values of an independent
implementation. Tensors are channels-first, video [B, C, F, H, W] and audio [B, C, T]; parameters have the names and the order of
cmmd's checkpoints. Convolutions as conv2d with frames or rows of pixels as batch, products over channels as linear layers: of the ways to write
them (conv3d, convolutions of size 1, channels_last_3d), none took less time in training, and in the forward pass all are within a few percent.

Made with torch 2.15.0, numpy 2.4.6 (Python 3.11).
"""

import json
import math
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

EPS = 1e-5


def spatial(conv, x):
    """A [o, i, 1, 3, 3] convolution of [B, C, F, H, W], frames as batch."""
    b, c, f, h, w = x.shape
    y = F.conv2d(x.transpose(1, 2).reshape(b * f, c, h, w), conv.weight.squeeze(2), conv.bias, padding=1)
    return y.reshape(b, f, -1, h, w).transpose(1, 2)


def temporal(conv, x):
    """A [o, i, 3, 1, 1] convolution of [B, C, F, H, W], all pixels as one axis."""
    b, _, f, h, w = x.shape
    y = F.conv2d(x.reshape(b, -1, f, h * w), conv.weight.squeeze(4), conv.bias, padding=(1, 0))
    return y.reshape(b, -1, f, h, w)


def pointwise(conv, x):
    """A convolution of size 1 as a matrix product over the channels."""
    return F.linear(x.movedim(1, -1), conv.weight.flatten(1), conv.bias).movedim(-1, 1)


class Residual(nn.Module):
    """ResV or ResA of the specification; `pool` halves the resolution before the first convolution."""

    def __init__(self, into, out, embedding, groups, video, pool=False):
        super().__init__()
        conv = nn.Conv3d if video else nn.Conv1d
        self.n1 = nn.GroupNorm(groups, into, EPS)
        self.n2 = nn.GroupNorm(groups, out, EPS)
        if video:
            self.c1 = nn.Sequential(nn.Conv3d(into, out, (1, 3, 3)), nn.Conv3d(out, out, (3, 1, 1)))
        else:
            self.c1 = nn.Conv1d(into, out, 3, padding=1)
        self.c2 = conv(out, out, 1)
        if into != out:
            self.skip = conv(into, out, 1)
        self.emb = nn.Linear(embedding, 2 * out)
        self.video, self.pool, self.changes = video, pool, into != out

    def resample(self, x):
        if not self.pool:
            return x
        return F.avg_pool3d(x, (1, 2, 2)) if self.video else F.avg_pool1d(x, 2)

    def forward(self, x, embedding):
        h = self.resample(F.silu(self.n1(x)))
        h = temporal(self.c1[1], spatial(self.c1[0], h)) if self.video else self.c1(h)
        scale, shift = self.emb(embedding).reshape(len(x), -1, *[1] * (x.dim() - 2)).chunk(2, 1)
        h = torch.addcmul(shift, self.n2(h), 1 + scale)
        h = pointwise(self.c2, F.silu(h))
        skip = self.resample(x)
        return (pointwise(self.skip, skip) if self.changes else skip) + h


class Attention(nn.Module):
    """Self-attention with a residual over [N, L, C]."""

    def __init__(self, channels, groups, head_dim):
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels, EPS)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.out = nn.Conv1d(channels, channels, 1)
        self.heads = channels // head_dim

    def forward(self, x):
        n, length, c = x.shape
        h = self.norm(x.transpose(1, 2)).transpose(1, 2)
        qkv = F.linear(h, self.qkv.weight.squeeze(2), self.qkv.bias)
        q, k, v = qkv.reshape(n, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, length, c)
        return x + F.linear(y, self.out.weight.squeeze(2), self.out.bias)


def nearest(x, length):
    """Nearest neighbour along the last axis: output i reads input floor(i n_in / n_out)."""
    n = x.shape[-1]
    return x if n == length else x[..., torch.arange(length) * n // length]


class Pair(nn.Module):
    """The residual blocks of both modalities, alone: `kind` is down or up."""

    def __init__(self, channels, embedding, groups, kind):
        super().__init__()
        self.v = Residual(channels, channels, embedding, groups, True, kind == "down")
        self.a = Residual(channels, channels, embedding, groups, False, kind == "down")
        self.up = kind == "up"

    def forward(self, v, a, embedding):
        v, a = self.v(v, embedding), self.a(a, embedding)
        if self.up:
            v = F.interpolate(v, scale_factor=(1, 2, 2))
            a = F.interpolate(a, scale_factor=2)
        return v, a


class Resample(nn.Module):
    def __init__(self, *args):
        super().__init__()
        self.b = Pair(*args)

    def forward(self, v, a, embedding):
        return self.b(v, a, embedding)


class CrossAttention(nn.Module):
    """What queries [N, L, C] get from tokens [N, K, C] of three frames, `slots` moments each, whose keys carry their time."""

    def __init__(self, channels, groups, head_dim):
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels, EPS)
        self.q = nn.Conv1d(channels, channels, 1)
        self.kv = nn.Conv1d(channels, 2 * channels, 1)
        self.out = nn.Conv1d(channels, channels, 1)
        self.head_dim = head_dim

    def forward(self, x, y, slots):
        linear = lambda conv, z: F.linear(z, conv.weight.squeeze(2), conv.bias)
        heads = lambda z: z.unflatten(2, (-1, self.head_dim)).transpose(1, 2)
        keys, values = linear(self.kv, y).chunk(2, 2)
        moments = (torch.arange(3 * slots, dtype=x.dtype) + 0.5) / slots - 1.5
        angles = moments[:, None] * torch.arange(1, self.head_dim // 2 + 1, dtype=x.dtype) * (math.pi / 4)
        time = torch.cat([angles.cos(), angles.sin()], 1).repeat_interleave(y.shape[1] // (3 * slots), 0)
        out = F.scaled_dot_product_attention(heads(linear(self.q, x)), heads(keys) + time, heads(values))
        return linear(self.out, out.transpose(1, 2).flatten(2))


def around(x):
    """[B, F, K, C] to [B, F, 3K, C]: the frame before, the frame, the one after; at the ends the frame itself instead."""
    frames = torch.arange(x.shape[1])
    last = x.shape[1] - 1
    return torch.cat([x[:, (frames - 1).clamp(min=0)], x, x[:, (frames + 1).clamp(max=last)]], 2)


class Block(nn.Module):
    """Residual blocks, fusion and attention where the level has them; `fusion` is easy, cross-attention or none."""

    def __init__(self, into, out, embedding, groups, head_dim, attention, fusion="easy"):
        super().__init__()
        self.v = Residual(into, out, embedding, groups, True)
        self.a = Residual(into, out, embedding, groups, False)
        self.fusion = fusion
        if fusion == "easy":
            self.pv = nn.Conv3d(2 * out, out, 1)
            self.pa = nn.Conv1d(2 * out, out, 1)
        if fusion == "cross-attention":
            self.xv, self.xa = (CrossAttention(out, groups, head_dim) for _ in range(2))
        self.attends = attention
        if attention:
            self.sa, self.ta, self.aa = (Attention(out, groups, head_dim) for _ in range(3))

    def fuse(self, v, a):
        """P_v [v ; rep(a)] and P_a [a ; mean(v)], each projection split by its input so that no doubled tensor is made."""
        c, frames = v.shape[1], v.shape[2]
        own_v, from_a = self.pv.weight.flatten(1).split(c, 1)
        own_a, from_v = self.pa.weight.flatten(1).split(c, 1)
        projected = nearest(F.linear(a.transpose(1, 2), from_a, self.pv.bias).transpose(1, 2), frames)
        mean = nearest(F.linear(v.mean((3, 4)).transpose(1, 2), from_v, self.pa.bias).transpose(1, 2), a.shape[2])
        video = F.linear(v.movedim(1, -1), own_v).movedim(-1, 1) + projected[..., None, None]
        audio = F.linear(a.transpose(1, 2), own_a).transpose(1, 2) + mean
        return video, audio

    def fuse_by_attention(self, v, a):
        """Pixels attend to the sound of their frame and its neighbours, audio steps to coarse pictures of theirs."""
        b, c, f, h, w = v.shape
        t = a.shape[2]
        pictures, sound = self.xv.norm(v), self.xa.norm(a)
        slots = -(-t // f)
        heard = around(nearest(sound, f * slots).transpose(1, 2).reshape(b, f, slots, c))
        pixels = pictures.permute(0, 2, 3, 4, 1).reshape(b * f, h * w, c)
        video = self.xv(pixels, heard.reshape(b * f, -1, c), slots).reshape(b, f, h, w, c).permute(0, 4, 1, 2, 3)
        grid = [next(side for side in (4, 3, 2, 1) if size % side == 0) for size in (h, w)]
        coarse = F.adaptive_avg_pool3d(pictures, (f, *grid)).permute(0, 2, 3, 4, 1).reshape(b, f, -1, c)
        seen = around(coarse)[:, torch.arange(t) * f // t]
        queries = sound.transpose(1, 2).reshape(b * t, 1, c)
        audio = self.xa(queries, seen.reshape(b * t, -1, c), 1).reshape(b, t, c).transpose(1, 2)
        return v + video, a + audio

    def forward(self, v, a, embedding):
        v, a = self.v(v, embedding), self.a(a, embedding)
        if self.fusion == "easy":
            v, a = self.fuse(v, a)
        if self.fusion == "cross-attention":
            v, a = self.fuse_by_attention(v, a)
        if not self.attends:
            return v, a
        b, c, f, h, w = v.shape
        x = self.sa(v.permute(0, 2, 3, 4, 1).reshape(b * f, h * w, c))
        x = self.ta(x.reshape(b, f, h * w, c).transpose(1, 2).reshape(b * h * w, f, c))
        v = x.reshape(b, h, w, f, c).permute(0, 4, 3, 1, 2)
        return v.contiguous(), self.aa(a.transpose(1, 2)).transpose(1, 2)


class Unet(nn.Module):
    """The joint network; the defaults are the paper's configuration of 105,840,212 parameters."""

    def __init__(
        self,
        video_channels=4,
        audio_bins=80,
        channels=128,
        multipliers=(1, 2, 3, 4),
        head_dim=64,
        groups=32,
        embedding=None,
        attention_levels=None,
        fusion="easy",
        fusion_levels=None,
        encoder_blocks=1,
        middle_blocks=2,
        decoder_blocks=2,
    ):
        super().__init__()
        embedding = embedding or 4 * channels
        widths = [m * channels for m in multipliers]
        attends = lambda level: level in attention_levels if attention_levels is not None else level > 0
        fuses = lambda level: fusion if fusion_levels is None or level in fusion_levels else "none"
        block = lambda into, out, level: Block(into, out, embedding, groups, head_dim, attends(level), fuses(level))
        self.channels = channels
        self.time = nn.Sequential(nn.Linear(channels, embedding), nn.SiLU(), nn.Linear(embedding, embedding))
        self.v_in = nn.Sequential(
            nn.Conv3d(video_channels, channels, (1, 3, 3)), nn.Conv3d(channels, channels, (3, 1, 1))
        )
        self.a_in = nn.Conv1d(audio_bins, channels, 3, padding=1)
        self.enc, self.dec, self.mid = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        width = channels
        # By level, the skip connections' places among all and their widths.
        skips = [[] for _ in widths]
        skips[0].append((0, channels))
        for level, out in enumerate(widths):
            for _ in range(encoder_blocks):
                self.enc.append(block(width, out, level))
                skips[level].append((len(self.enc), out))
                width = out
            if level < len(widths) - 1:
                self.enc.append(Resample(out, embedding, groups, "down"))
                skips[level + 1].append((len(self.enc), out))
        self.skips = []
        for level in reversed(range(len(widths))):
            for _ in range(decoder_blocks):
                place, skipped = skips[level].pop() if skips[level] else (None, 0)
                self.skips.append(place)
                self.dec.append(block(width + skipped, widths[level], level))
                width = widths[level]
            if level > 0:
                self.dec.append(Resample(width, embedding, groups, "up"))
                self.skips.append(None)
        for _ in range(middle_blocks):
            self.mid.append(Block(widths[-1], widths[-1], embedding, groups, head_dim, True, fuses("middle")))
        self.v_out = nn.Sequential(
            nn.GroupNorm(groups, channels, EPS), nn.SiLU(), nn.Conv3d(channels, video_channels, (1, 3, 3))
        )
        self.a_out = nn.Sequential(
            nn.GroupNorm(groups, channels, EPS), nn.SiLU(), nn.Conv1d(channels, audio_bins, 3, padding=1)
        )

    def embed(self, n):
        half = self.channels // 2
        frequencies = torch.exp(-math.log(10000) * torch.arange(half, dtype=n.dtype) / half)
        angles = n[:, None] * frequencies
        return F.silu(self.time(torch.cat([angles.cos(), angles.sin()], 1)))

    def forward(self, v, a, n):
        """Video latents [B, C, F, H, W], mel [B, M, T] and steps n [B] to outputs of the same shapes."""
        e = self.embed(n)
        v = temporal(self.v_in[1], spatial(self.v_in[0], v))
        a = self.a_in(a)
        skips = [(v, a)]
        for module in self.enc:
            v, a = module(v, a, e)
            skips.append((v, a))
        for module in self.mid:
            v, a = module(v, a, e)
        for module, place in zip(self.dec, self.skips):
            if place is not None:
                skip_v, skip_a = skips[place]
                v, a = torch.cat([v, skip_v], 1), torch.cat([a, skip_a], 1)
            v, a = module(v, a, e)
        norm, act, conv = self.v_out
        return spatial(conv, act(norm(v))), self.a_out(a)


def formula(index, shape, norm_weight):
    """Values of the parameter with this index by the closed formula of the specification, float64."""
    count = math.prod(shape)
    i = np.arange(1, count + 1, dtype=np.uint32)
    with np.errstate(over="ignore"):
        h = i * np.uint32(0x9E3779B1) ^ np.uint32((index + 1) * 0x85EBCA77 & 0xFFFFFFFF)
        h = (h ^ h >> np.uint32(15)) * np.uint32(0x2C1B3C6D)
        h = (h ^ h >> np.uint32(12)) * np.uint32(0x297A2D39)
        h ^= h >> np.uint32(15)
    x = h.astype(np.float64) / 2**31 - 1
    if len(shape) > 1:
        x /= math.sqrt(count / shape[0])
    else:
        x = 1 + 0.1 * x if norm_weight else 0.1 * x
    return torch.from_numpy(x.reshape(shape))


def fill(unet):
    """Gives every parameter its values by the formula, rounded to the parameter's dtype."""
    norms = {id(m.weight) for m in unet.modules() if isinstance(m, nn.GroupNorm)}
    with torch.no_grad():
        for index, p in enumerate(unet.parameters()):
            p.copy_(formula(index, tuple(p.shape), id(p) in norms))
    return unet


def inputs(shape, video_channels, audio_bins, dtype=torch.float32):
    """The formula's video, audio and steps for shape (batch, frames, height = width, mel frames)."""
    b, f, h, t = shape
    size = b * video_channels * f * h * h
    v = torch.sin(0.11 * torch.arange(size, dtype=torch.float64) + 0.3).reshape(b, video_channels, f, h, h)
    a = torch.cos(0.07 * torch.arange(b * audio_bins * t, dtype=torch.float64)).reshape(b, audio_bins, t)
    n = torch.tensor([123.0, 777.0][:b], dtype=torch.float64)
    return v.to(dtype), a.to(dtype), n.to(dtype)


def from_golden(cfg):
    """The network of a golden file's configuration."""
    return Unet(
        cfg["v_ch"],
        cfg["a_ch"],
        cfg["base"],
        cfg["mults"],
        cfg["head_dim"],
        cfg["groups"],
        cfg["emb_dim"],
        cfg["attn_levels"],
    )


def check(path):
    """Prints the largest differences from a golden file; whether all are below 1e-9 relative."""
    golden = json.load(open(path))
    unet = fill(from_golden(golden["cfg"]).double())
    names = [[name, list(p.shape)] for name, p in unet.named_parameters()]
    assert names == golden["params"], "parameter names, order or shapes differ"
    v, a, n = inputs(golden["shape"], golden["cfg"]["v_ch"], golden["cfg"]["a_ch"], torch.float64)
    out_v, out_a = unet(v, a.requires_grad_(), n)
    worst = {}
    for name, out in (("video", out_v), ("audio", out_a)):
        expected = golden[f"{name[0]}_out"]
        flat = out.detach().contiguous().flatten()
        first = torch.tensor(expected["first"], dtype=torch.float64)
        last = torch.tensor(expected["last"], dtype=torch.float64)
        worst[name] = max(
            (flat[: len(first)] - first).abs().max().item(),
            (flat[-len(last) :] - last).abs().max().item(),
            abs(flat.square().sum().item() / expected["sumsq"] - 1),
        )
    (guide,) = torch.autograd.grad(out_v.square().sum(), a, retain_graph=True)
    worst["guidance"] = abs(guide.square().sum().item() / golden["guide_grad_a"]["sumsq"] - 1)
    grads = torch.autograd.grad(out_v.square().sum() + out_a.square().sum(), list(unet.parameters()))
    scale = max(golden["grad_norms"].values())
    worst["gradients"] = max(
        abs(g.norm().item() - golden["grad_norms"][name]) / max(golden["grad_norms"][name], 1e-6 * scale)
        for (name, _), g in zip(unet.named_parameters(), grads)
    )
    print(path, {name: f"{value:.1e}" for name, value in worst.items()})
    return max(worst.values()) < 1e-9


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] != "--check":
        sys.exit(__doc__)
    sys.exit(0 if all([check(path) for path in sys.argv[2:]]) else 1)
