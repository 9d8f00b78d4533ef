"""What `cmmd run ... prepare` does, in one Python process: PyAV decodes, torch resizes, torchaudio makes the log-mel, safetensors keeps the clips.

Made with Python 3.11, PyAV 18.1.0, torch 2.2.2, torchaudio 2.2.2, safetensors 0.8.0, numpy 1.26.4 (CPU). Run by bench/prepare-throughput.js:

    python bench/reference/prepare.py FOLDER SIZE FILE...

Clips of 18 frames at 10 frames per second with 4 frames of context at each side, pictures SIZE x SIZE, sound at 16 kHz; one file of tensors per
recording in FOLDER.
"""

import sys
from pathlib import Path

import av
import numpy as np
import torch
import torch.nn.functional as F
import torchaudio
from safetensors.torch import save_file

RATE, FPS, CLIP, CONTEXT = 16000, 10, 18, 4
mel = torchaudio.transforms.MelSpectrogram(
    sample_rate=RATE, n_fft=512, hop_length=256, n_mels=80, f_min=0.0, f_max=8000.0,
    center=False, power=1.0, norm="slaney", mel_scale="slaney",
)


def picture(frame, size):
    rgb = torch.from_numpy(frame.to_ndarray(format="rgb24"))
    height, width, _ = rgb.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = rgb[top : top + side, left : left + side].permute(2, 0, 1)[None].float()
    return F.interpolate(square, (size, size), mode="area")[0].round().byte().permute(1, 2, 0)


def decode(path, size):
    pictures, sound = [], []
    with av.open(path) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        video.thread_type = "AUTO"
        resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
        last = None
        for packet in container.demux(video, audio):
            for frame in packet.decode():
                if isinstance(frame, av.AudioFrame):
                    sound += [part.to_ndarray()[0] for part in resampler.resample(frame)]
                    continue
                while last is not None and frame.time > (len(pictures) + 0.5) / FPS:
                    pictures.append(picture(last, size))
                last = frame
        if last is not None:
            pictures.append(picture(last, size))
    return torch.stack(pictures), torch.from_numpy(np.concatenate(sound))


def prepare(path, size):
    pictures, sound = decode(path, size)
    total = min(len(pictures), int(len(sound) / RATE * FPS))
    tensors = {}
    for start in range(0, total - CLIP + 1, CLIP):
        first, last = max(0, start - CONTEXT), min(total, start + CLIP + CONTEXT)
        per = RATE // FPS
        heard = F.pad(sound[None, start * per : (start + CLIP) * per], (128, 128), mode="reflect")
        log_mel = torch.log10(torch.clamp(mel(heard)[0].T, min=1e-5))
        tensors[f"{start:06d}.frames"] = pictures[first:last].clone()
        tensors[f"{start:06d}.waveform"] = sound[first * per : last * per].clone()
        tensors[f"{start:06d}.features"] = log_mel[: len(log_mel) // 8 * 8].contiguous()
    return tensors


if __name__ == "__main__":
    folder, size, *paths = sys.argv[1:]
    for path in paths:
        save_file(prepare(path, int(size)), str(Path(folder) / f"{Path(path).stem}.safetensors"))
