"""Compares `fit` with a bare loop over the same loss, and with pythae's trainer."""

from __future__ import annotations

import tempfile
from collections.abc import Callable

import torch

import simulacra
from benchmarks.setup import dataset, theirs
from benchmarks.timing import Row, interleaved, median, ratio
from simulacra.api import fit
from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary
from simulacra.data.dataset import Dataset
from simulacra.data.sources.tensors import from_tensors


def bare_loop(model: simulacra.VAE, data: Dataset, steps: int, batch_size: int) -> None:
    """Trains by a loop as one would write it, over the same loss function, data and optimizer.

    Args:
        model: the VAE.
        data: the data set.
        steps: number of steps.
        batch_size: rows of a batch.
    """
    x, loss = data.train.x, model.updates()[0].loss
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    order = torch.randperm(len(x))
    model.train()
    for step in range(steps):
        at = step * batch_size % (len(x) - batch_size)
        if at < batch_size:
            order = torch.randperm(len(x))
        batch = Batch(x.index_select(0, order[at : at + batch_size]), rows=range(batch_size))
        optimizer.zero_grad()
        terms = loss(model, batch, Rng(0, step, rows=batch.rows))
        total = sum(term.mean() for term in terms.loss.values())
        total.backward()
        optimizer.step()
        float(total.detach())


def our_fit(model: simulacra.VAE, data: Dataset, steps: int, batch_size: int) -> None:
    """Trains for the same number of steps through `fit`, with run folder and checkpoints.

    Args:
        model: the VAE.
        data: the data set.
        steps: number of steps.
        batch_size: rows of a batch.
    """
    with tempfile.TemporaryDirectory() as folder:
        epochs = steps * batch_size / len(data.train)
        fit(
            model,
            data,
            out=folder,
            epochs=epochs,
            batch_size=batch_size,
            progress=False,
            validate=False,
            doctor=False,
        )


def _pair(data: Dataset, steps: int, batch: int, **sizes) -> dict[str, Callable[[], object]]:
    make = lambda: simulacra.VAE(data.space, **sizes)
    return {
        "fit": lambda: our_fit(make(), data, steps, batch),
        "bare": lambda: bare_loop(make(), data, steps, batch),
    }


def fit_overhead(quick: bool) -> list[Row]:
    """Measures the overhead: at most 1.05 for 784-500-50, batch 128; at most 150 us a step of a tiny net."""
    data, name = dataset(20_000)
    steps = 60 if quick else 600
    large = interleaved(_pair(data, steps, 128, latent=50, hidden=(500,)), 3 if quick else 5)
    low, mid, high = ratio(large, "fit", "bare")
    small_data = from_tensors((torch.rand(2000, 6) < 0.3).to(torch.uint8), Binary((6,)), valid=0)
    steps_small = 1000 if quick else 4000
    small = interleaved(_pair(small_data, steps_small, 32, latent=2, hidden=(8,)), 3 if quick else 7)
    added = [(a - b) / steps_small * 1e6 for a, b in zip(small["fit"], small["bare"])]
    return [
        Row(
            "`fit` / bare loop, 784-500-50, batch 128",
            f"{mid:.3f} ({low:.3f} to {high:.3f})",
            "<= 1.05",
            mid <= 1.05,
            f"{steps} steps with run folder and checkpoints, {name}, "
            f"{median(large['bare']) / steps * 1e3:.2f} ms a bare step",
        ),
        Row(
            "`fit` - bare loop, a step of a tiny net (6-8-2, batch 32)",
            f"{median(added):.0f} us ({min(added):.0f} to {max(added):.0f})",
            "<= 150 us",
            median(added) <= 150,
            f"{steps_small} steps, {median(small['bare']) / steps_small * 1e6:.0f} us a bare step",
        ),
    ]


def epoch_against_pythae(quick: bool) -> list[Row]:
    """Measures an epoch of the same VAE: at least 1.4 times faster than pythae 0.1.2."""
    from pythae.trainers import BaseTrainer, BaseTrainerConfig

    data, name = dataset(10_000 if quick else 30_000)
    x = data.train.x.float()

    def pythae() -> None:
        ours = simulacra.VAE(data.space, latent=50, hidden=(500,))
        with tempfile.TemporaryDirectory() as folder:
            config = BaseTrainerConfig(
                output_dir=folder,
                num_epochs=1,
                per_device_train_batch_size=128,
                learning_rate=1e-3,
                no_cuda=True,
            )
            BaseTrainer(theirs(ours, 50), _pythae_data(x), training_config=config).train()

    def simulacra_epoch() -> None:
        ours = simulacra.VAE(data.space, latent=50, hidden=(500,))
        our_fit(ours, data, len(data.train) // 128, 128)

    seconds = interleaved({"pythae": pythae, "ours": simulacra_epoch}, 3 if quick else 5)
    low, mid, high = ratio(seconds, "pythae", "ours")
    note = f"784-500-50, batch 128, {name}, {len(data.train):,} rows, ours {median(seconds['ours']):.2f} s"
    return [
        Row(
            "epoch of the same VAE, pythae 0.1.2 / ours",
            f"{mid:.2f} ({low:.2f} to {high:.2f})",
            ">= 1.4",
            mid >= 1.4,
            note,
        )
    ]


def _pythae_data(x: torch.Tensor):
    from pythae.data.datasets import BaseDataset

    return BaseDataset(x, torch.zeros(len(x)))
