"""Compares steps of denoising and contractive autoencoders with plain loops, and times long chains."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

import simulacra
from benchmarks.memory import added
from benchmarks.setup import dataset
from benchmarks.timing import Row, interleaved, median, ratio
from benchmarks.training import our_fit
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.data.dataset import Dataset

SIZES = {"latent": 50, "hidden": (500,)}
BATCH, CHAINS, STEPS = 128, 64, 1000  # rows of a batch; chains side by side, and their steps


def plain_loop(model: simulacra.Autoencoder, data: Dataset, steps: int, noise: float) -> None:
    """Trains a denoising autoencoder by a loop as one would write it, with torch's own generator.

    Args:
        model: the autoencoder, whose two networks are used.
        data: images of 0 and 1.
        steps: number of steps.
        noise: share of masked pixels.
    """
    x = data.train.x
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    order = torch.randperm(len(x))
    model.train()
    for step in range(steps):
        at = step * BATCH % (len(x) - BATCH)
        if at < BATCH:
            order = torch.randperm(len(x))
        target = x.index_select(0, order[at : at + BATCH]).float()
        noisy = target * (torch.rand_like(target) >= noise)
        optimizer.zero_grad()
        out = model.decoder(model.encoder(noisy)).squeeze(1)
        loss = (target - out).square().flatten(1).sum(1).mean()
        loss.backward()
        optimizer.step()
        float(loss.detach())


def seconds_a_step(
    loops: dict[str, Callable[[int], object]], steps: int, repeats: int
) -> dict[str, list[float]]:
    """Returns the CPU seconds of a step of each loop, without start-up costs.

    Args:
        loops: functions that train for a number of steps.
        steps: number of steps that are timed.
        repeats: number of interleaved repeats.
    """
    actions = {(name, n): partial(loop, n) for name, loop in loops.items() for n in (1, 1 + steps)}
    named = {f"{name} {n}": action for (name, n), action in actions.items()}
    seconds = interleaved(named, repeats, time.process_time)
    # the difference between a long and a short run is the time of the steps
    pairs = {name: zip(seconds[f"{name} 1"], seconds[f"{name} {1 + steps}"]) for name in loops}
    return {name: [(b - a) / steps for a, b in pair] for name, pair in pairs.items()}


def denoising_steps(quick: bool) -> list[Row]:
    """Measures a denoising step: at most 1.03 of a plain loop; a contractive one: at most 1.3 of one without.

    Args:
        quick: fewer steps and repeats.
    """
    data, name = dataset(20_000)
    steps, repeats = (60, 3) if quick else (300, 5)
    make = lambda noise: simulacra.Autoencoder(data.space, net="mlp", corruption=noise, **SIZES)
    contractive = lambda weight: simulacra.ContractiveAutoencoder(data.space, 500, weight)
    seconds = seconds_a_step(
        {
            "fit": lambda n: our_fit(make("mask:0.3"), data, n, BATCH),
            "plain": lambda n: plain_loop(make("mask:0.3"), data, n, 0.3),
        },
        steps,
        repeats,
    )
    low, mid, high = ratio(seconds, "fit", "plain")
    penalty = seconds_a_step(
        {
            "with": lambda n: our_fit(contractive(0.1), data, n, BATCH),
            "without": lambda n: our_fit(contractive(0.0), data, n, BATCH),
        },
        steps,
        repeats,
    )
    least, middle, most = ratio(penalty, "with", "without")
    return [
        Row(
            "denoising step, 784-500-50, batch 128: `fit` / plain loop",
            f"{mid:.3f} ({low:.3f} to {high:.3f})",
            "<= 1.03",
            mid <= 1.03,
            f"mask:0.3, {steps} steps with run folder and checkpoints less the start, {name}, CPU time, "
            f"{median(seconds['plain']) * 1e3:.2f} ms a plain step with torch.rand",
        ),
        Row(
            "contractive step, 784-500, batch 128: with the penalty / without",
            f"{middle:.3f} ({least:.3f} to {most:.3f})",
            "<= 1.3",
            middle <= 1.3,
            f"{steps} steps less the start, {name}, CPU time, "
            f"{median(penalty['without']) * 1e3:.2f} ms without",
        ),
    ]


def chains_of(model: Model, steps: int) -> Callable[[], Tensor]:
    """Returns a function that makes steps of 64 chains.

    Args:
        model: a model with a Markov chain.
        steps: number of steps.
    """

    def run() -> Tensor:
        with torch.no_grad():
            state = model.start_chain(Rng(0, "start", rows=range(CHAINS)))
            for t in range(steps):
                state = model.step(state, Rng(0, t, rows=range(CHAINS)))
            return model.shown(state)

    return run


def long_chains(quick: bool) -> list[Row]:
    """Measures 1,000 steps of 64 chains: milliseconds a step, and memory that does not grow with the steps.

    Args:
        quick: fewer steps and repeats.
    """
    data, _ = dataset(2000)
    steps, repeats = (100, 2) if quick else (STEPS, 3)
    models: dict[str, Model] = {
        "GSN, 784-256-128": simulacra.GSN(data.space, net="mlp", hidden=(256,)),
        "energy by a network, 784 real entries": simulacra.NeuralEBM(
            simulacra.Real((784,)), hidden=(256, 256)
        ),
        "RBM, 784-500": simulacra.RBM(data.space, hidden=500),
    }
    rows = []
    for what, model in models.items():
        model.eval()
        run = chains_of(model, steps)
        seconds = interleaved({"steps": run}, repeats, time.process_time)["steps"]
        grown = added(run)
        rows.append(
            Row(
                f"a step of {CHAINS} chains: {what}",
                f"{median(seconds) / steps * 1e3:.2f} ms, memory +{grown:.1f} MB",
                "no growth (<= 4 MB)",
                grown <= 4,
                f"{steps} steps, CPU time; memory above that after as many steps before",
            )
        )
    return rows
