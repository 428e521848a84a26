"""Compares steps of a diffusion with a bare loop and with diffusers, and the memory of its bound with T."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import simulacra
from benchmarks.memory import in_a_fresh_process, peak
from benchmarks.timing import Row, interleaved, median, ratio
from simulacra.api import fit
from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Levels
from simulacra.data.dataset import Dataset
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.diffusion.ddpm import DDPM, squared_error

BATCH, SIDE, CHANNELS, T = 16, 28, (16, 32, 32), 100


def diffusions(quick: bool) -> list[Row]:
    """Measures a step of a DDPM, the same with the pieces of diffusers, and the memory of the bound."""
    steps, repeats = (3, 3) if quick else (8, 7)
    return [*step_overhead(steps, repeats), *against_diffusers(steps, repeats), *bound_memory()]


def data_of(steps: int) -> Dataset:
    """Returns images of noise; the content does not change the cost of a step.

    Args:
        steps: number of batches.
    """
    x = torch.randint(0, 256, (BATCH * steps + 2, 1, SIDE, SIDE), generator=torch.Generator().manual_seed(0))
    return from_tensors(x.to(torch.uint8), Levels((1, SIDE, SIDE), 256), "noise", valid=0.0, test=2 / len(x))


def ddpm(data: Dataset) -> DDPM:
    """Returns an untrained model with a small U-net."""
    return simulacra.DDPM(data.space, T=T, schedule="cosine", hidden=CHANNELS)


def bare_loop(data: Dataset, steps: int) -> None:
    """Trains with the same loss, optimizer and average of weights, and nothing else.

    Args:
        data: the data set.
        steps: number of steps.
    """
    model = ddpm(data).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    weights = [p.detach() for p in model.parameters()]
    average = [p.clone() for p in weights]
    for i in range(steps):
        batch = Batch(data.train.x[BATCH * i : BATCH * (i + 1)], rows=range(BATCH))
        optimizer.zero_grad()
        loss = squared_error(model, batch, Rng(0, i, rows=batch.rows)).loss["error"].mean()
        loss.backward()
        optimizer.step()
        torch._foreach_lerp_(average, weights, 0.001)
        float(loss.detach())


def our_fit(data: Dataset, steps: int) -> None:
    """Trains for the same number of steps through `fit`, with run folder and checkpoints.

    Args:
        data: the data set.
        steps: number of steps.
    """
    with tempfile.TemporaryDirectory() as folder:
        epochs = steps * BATCH / len(data.train)
        options = {"epochs": epochs, "batch_size": BATCH, "progress": False, "validate": False}
        fit(ddpm(data), data, out=folder, doctor=False, **options)


def step_overhead(steps: int, repeats: int) -> list[Row]:
    """Compares `fit` with the bare loop, without the costs of a start.

    Args:
        steps: number of steps that are timed.
        repeats: number of interleaved repeats.
    """
    data = data_of(steps + 1)
    actions: dict[str, Callable[[], object]] = {
        f"{name} {n}": partial(action, data, n)
        for n in (1, 1 + steps)
        for name, action in (("fit", our_fit), ("bare", bare_loop))
    }
    seconds = interleaved(actions, repeats, clock=time.process_time)
    for name in ("fit", "bare"):
        whole, one = seconds[f"{name} {1 + steps}"], seconds[f"{name} 1"]
        seconds[name] = [a - b for a, b in zip(whole, one)]
    low, middle, high = ratio(seconds, "fit", "bare")
    each = 1e3 * median(seconds["bare"]) / steps
    note = f"batch {BATCH}, U-net of {CHANNELS} channels, CPU time, {each:.0f} ms"
    what = f"step of a DDPM at {SIDE} x {SIDE}: `fit` / bare loop"
    return [
        Row(what, f"{middle:.3f} ({low:.3f} to {high:.3f})", "<= 1.03", middle <= 1.03, f"{note} a bare step")
    ]


def against_diffusers(steps: int, repeats: int) -> list[Row]:
    """Compares the loss and its gradient, and a step of sampling, with the pieces of diffusers.

    Args:
        steps: number of steps a repeat.
        repeats: number of interleaved repeats.
    """
    try:
        from diffusers import DDPMScheduler, UNet2DModel
    except ImportError:
        return [Row("step of a DDPM, diffusers / ours", "diffusers is not installed", ">= 1", False, "")]
    data = data_of(1)
    ours, x = ddpm(data), data.train.x[:BATCH]
    theirs = UNet2DModel(
        sample_size=SIDE,
        in_channels=1,
        out_channels=1,
        layers_per_block=1,
        block_out_channels=CHANNELS,
        norm_num_groups=8,
        down_block_types=("DownBlock2D",) * len(CHANNELS),
        up_block_types=("UpBlock2D",) * len(CHANNELS),
        add_attention=False,
    )
    noise = DDPMScheduler(num_train_timesteps=T, beta_schedule="squaredcos_cap_v2")

    def their_loss() -> Tensor:
        scaled, e = x.float() / 127.5 - 1, torch.randn(x.shape)
        t = torch.randint(0, T, (len(x),))
        return (theirs(noise.add_noise(scaled, e, t), t).sample - e).square().mean()

    def our_loss() -> Tensor:
        return squared_error(ours, Batch.of(x), Rng(0, "loss", rows=range(BATCH))).loss["error"].mean()

    def repeated(loss: Callable[[], Tensor], net: nn.Module) -> None:
        for _ in range(steps):
            net.zero_grad()
            loss().backward()

    counts = {}
    for name, loss in (("ours", our_loss), ("theirs", their_loss)):
        with FlopCounterMode(display=False) as counter:
            loss().backward()
        counts[name] = counter.get_total_flops() / 1e9
    actions = {"ours": partial(repeated, our_loss, ours), "theirs": partial(repeated, their_loss, theirs)}
    seconds = interleaved(actions, repeats, clock=time.process_time)
    low, middle, high = ratio(seconds, "theirs", "ours")
    each = counts["theirs"] / counts["ours"]
    return [
        Row(
            "loss and gradient of a DDPM, UNet2DModel of diffusers / ours",
            f"{middle:.2f} ({low:.2f} to {high:.2f})",
            ">= 1",
            middle >= 1,
            f"the same channels; {counts['theirs']:.2f} and {counts['ours']:.2f} GFLOP a batch, so "
            f"{middle / each:.2f} times at equal FLOPs",
        ),
        sampling(ours, theirs, noise, repeats),
    ]


def sampling(ours: DDPM, theirs: nn.Module, noise: object, repeats: int) -> Row:
    """Compares samples a second, with ten steps each.

    Args:
        ours: our model.
        theirs: network of diffusers.
        noise: scheduler of diffusers.
        repeats: number of interleaved repeats.
    """

    @torch.no_grad()
    def their_draw() -> None:
        h = torch.randn(BATCH, 1, SIDE, SIDE)
        noise.set_timesteps(10)
        for t in noise.timesteps:
            h = noise.step(theirs(h, t).sample, t, h).prev_sample

    actions: dict[str, Callable[[], object]] = {
        "ours": lambda: ours.sample(BATCH, seed=0, steps=10),
        "theirs": their_draw,
    }
    seconds = interleaved(actions, repeats, clock=time.process_time)
    low, middle, high = ratio(seconds, "theirs", "ours")
    rate = BATCH / median(seconds["ours"])
    what = "samples a second with 10 steps, ours / diffusers"
    return Row(
        what, f"{middle:.2f} ({low:.2f} to {high:.2f})", ">= 1", middle >= 1, f"ours {rate:.0f} a second"
    )


def bound_memory() -> list[Row]:
    """Compares the peak memory of the bound with T = 1,000 and with T = 50, each in a process of its own."""
    peaks = {steps: in_a_fresh_process("diffusions", f"measure({steps})") for steps in (50, 1000)}
    growth = peaks[1000] - peaks[50]
    what, note = (
        "peak memory of the bound, T=1000 minus T=50",
        f"peak {peaks[1000]:.0f} MB, of which torch is most",
    )
    return [Row(what, f"{growth:+.0f} MB", "no growth (<= 16 MB)", growth <= 16, note)]


def measure(steps: int) -> None:
    """Prints the peak memory in MB of the bound of 256 vectors.

    Args:
        steps: T.
    """
    torch.set_num_threads(1)
    model = simulacra.DDPM(Levels((64,), 17), T=steps, hidden=(64,)).eval()
    with torch.no_grad():
        model.elbo(torch.zeros(256, 64), None, Rng(0, rows=range(256)))
    print(peak())
