"""Trajectories of diffusers' schedulers for packages/plugin-cmmd/src/samplers/parity.test.ts.

    python diffusers_samplers.py ../../packages/plugin-cmmd/src/samplers/fixtures/diffusers.json

Every scheduler runs on cmmd's cosine schedule of 1000 steps, in float64, with a closed-form network that predicts v. Where cmmd counts n = 1..1000
with alphaBar_0 = 1, diffusers counts t = n - 1: its alphas_cumprod[t] is alphaBar_(t + 1). The options that make the two the same:

- DDIM, DDPM: timestep_spacing "trailing" (t = 999, 994, ...) and set_alpha_to_one, so that the last step ends at alphaBar_0 = 1 (t = -1).
- DDPM: fresh noise of variance_type fixed_small or fixed_large, no clipping. With fixed_large diffusers adds noise in the last step too unless that
  is t = 0; cmmd never does, so fixed_large is compared on all steps, where the last one is t = 0.
- DPM-Solver++(2M): solver_type midpoint, final_sigmas_type "zero": the last step goes to sigma 0 in first order, as in cmmd.
- Heun, and the log-SNR spacing: diffusers asks the network between integer steps, cmmd at the nearest integers, so diffusers is given cmmd's
  timesteps.

The stored numbers are what the network was given: (n, x) of every evaluation, and the result. Heun's x is the scaled model input.

Made with diffusers 0.42.1, torch 2.15.0, numpy 2.4.6 (Python 3.11).
"""

import json
import math
import pathlib
import sys

import diffusers.schedulers.scheduling_ddpm as ddpm_module
import numpy as np
import torch
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler, HeunDiscreteScheduler

STEPS = 1000
SIZE = 4


def alpha_bars():
    f = [math.cos((n / STEPS + 0.008) / 1.008 * math.pi / 2) ** 2 for n in range(STEPS + 1)]
    betas = [min(1 - f[n + 1] / f[n], 0.999) for n in range(STEPS)]
    return np.cumprod(1 - np.array(betas)), betas


ALPHA_BARS, BETAS = alpha_bars()
SIGMAS = np.sqrt((1 - ALPHA_BARS) / ALPHA_BARS)
START = torch.sin(1.7 * torch.arange(SIZE, dtype=torch.float64) + 0.4) * 1.3


def network(x, n):
    """v, smooth in x and n."""
    phase = 0.9 * torch.arange(SIZE, dtype=torch.float64)
    return torch.tanh(0.7 * x + torch.sin(0.01 * n + phase)) - 0.2 * x


def noise(k):
    return 1.4 * torch.sin(12.9898 * (k + 1) + 78.233 * torch.arange(SIZE, dtype=torch.float64))


def exact(scheduler):
    """The schedule in float64: diffusers computes it from float32 betas, which is 1e-4 off at n = 1000."""
    scheduler.alphas_cumprod = torch.tensor(ALPHA_BARS, dtype=torch.float64)
    if hasattr(scheduler, "lambda_t"):
        scheduler.alpha_t = scheduler.alphas_cumprod.sqrt()
        scheduler.sigma_t = (1 - scheduler.alphas_cumprod).sqrt()
        scheduler.lambda_t = scheduler.alpha_t.log() - scheduler.sigma_t.log()
    return scheduler


def exact_sigmas(scheduler, timesteps):
    """What set_timesteps leaves in float32."""
    levels = [SIGMAS[t] for t in timesteps] + [0.0]
    if isinstance(scheduler, HeunDiscreteScheduler):
        levels = [levels[0]] + [s for s in levels[1:-1] for _ in range(2)] + [levels[-1]]
    assert np.allclose(scheduler.sigmas.double().numpy(), levels, rtol=1e-4), (scheduler.sigmas, levels)
    scheduler.sigmas = torch.tensor(levels, dtype=torch.float64)


def common():
    return {"num_train_timesteps": STEPS, "trained_betas": BETAS, "prediction_type": "v_prediction"}


def run(scheduler, step, start=START):
    asked, x = [], start
    for k, t in enumerate(scheduler.timesteps):
        scaled = scheduler.scale_model_input(x, t)
        n = round(float(t)) + 1
        asked.append([n, *scaled.tolist()])
        x = step(k, network(scaled, n), t, x)
    return {"asked": asked, "result": x.tolist()}


def ddim(steps, eta):
    s = exact(DDIMScheduler(**common(), clip_sample=False, set_alpha_to_one=True, timestep_spacing="trailing"))
    s.set_timesteps(steps)
    return run(s, lambda k, v, t, x: s.step(v, t, x, eta=eta, variance_noise=noise(k) if eta > 0 else None).prev_sample)


def ddpm(steps, variance):
    s = DDPMScheduler(
        **common(), clip_sample=False, variance_type=f"fixed_{variance}", timestep_spacing="trailing"
    )
    s = exact(s)
    s.set_timesteps(steps)

    def step(k, v, t, x):
        ddpm_module.randn_tensor = lambda *_, **__: noise(k)
        return s.step(v[None], t, x[None]).prev_sample[0]

    return run(s, step)


def dpm_solver(steps, order, timesteps=None):
    s = DPMSolverMultistepScheduler(
        **common(),
        algorithm_type="dpmsolver++",
        solver_type="midpoint",
        solver_order=order,
        final_sigmas_type="zero",
        timestep_spacing="trailing",
    )
    s = exact(s)
    if timesteps is None:
        s.set_timesteps(steps)
    else:
        s.set_timesteps(timesteps=timesteps)
    exact_sigmas(s, [int(t) for t in s.timesteps])
    return run(s, lambda _, v, t, x: s.step(v, t, x).prev_sample)


def heun(timesteps):
    s = exact(HeunDiscreteScheduler(**common()))
    s.set_timesteps(timesteps=timesteps)
    exact_sigmas(s, timesteps)
    # diffusers begins at noise of the highest level; cmmd at unit noise, which is the same point scaled.
    first = s.sigmas[0]
    return run(s, lambda _, v, t, x: s.step(v, t, x).prev_sample, START * (first**2 + 1).sqrt())


def karras(steps, rho, low, high):
    """diffusers' _convert_to_karras, which fixes rho at 7."""
    ramp = np.linspace(0, 1, steps)
    return (high ** (1 / rho) + ramp * (low ** (1 / rho) - high ** (1 / rho))) ** rho


def nearest(sigmas):
    """t of the nearest log sigma, each once."""
    t = [int(np.abs(np.log(SIGMAS) - math.log(s)).argmin()) for s in sigmas]
    last = t[-1]
    for k in range(1, len(t)):
        t[k] = min(t[k], t[k - 1] - 1)
    t[-1] = last
    for k in reversed(range(len(t) - 1)):
        t[k] = max(t[k], t[k + 1] + 1)
    return t


def main(path):
    log_snr = np.exp(np.linspace(math.log(SIGMAS[-1]), math.log(SIGMAS[0]), 20))
    s = HeunDiscreteScheduler(**common())
    ours = karras(18, 7, SIGMAS[0], 80)
    assert np.allclose(ours, s._convert_to_karras(torch.tensor([80.0, SIGMAS[0]]), 18))
    runs = {
        "ddim 200": ddim(200, 0),
        "ddim 50 eta 0.6": ddim(50, 0.6),
        "ddim 20 eta 1": ddim(20, 1),
        "ddpm 1000 small": ddpm(1000, "small"),
        "ddpm 1000 large": ddpm(1000, "large"),
        "ddpm 50 small": ddpm(50, "small"),
        "dpm-solver++ 20": dpm_solver(20, 2),
        "dpm-solver++ 10 first order": dpm_solver(10, 1),
        "dpm-solver++ 20 log-snr": dpm_solver(20, 2, nearest(log_snr)),
        "heun 18": heun(nearest(ours)),
    }
    rounded = {
        name: {
            "asked": [[row[0], *(float(f"{x:.8g}") for x in row[1:])] for row in one["asked"]],
            "result": [float(f"{x:.8g}") for x in one["result"]],
        }
        for name, one in runs.items()
    }
    pathlib.Path(path).parent.mkdir(exist_ok=True)
    pathlib.Path(path).write_text(json.dumps(rounded, separators=(",", ":")) + "\n")
    for name, one in runs.items():
        print(name, len(one["asked"]), one["asked"][0][0], one["asked"][-1][0], one["result"])


if __name__ == "__main__":
    main(sys.argv[1])
