"""Compares `fit` for GANs with a bare loop over the same losses and networks, and bf16 with fp32."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from itertools import count, takewhile
from typing import Any

import torch
from torch import Tensor

import simulacra
from benchmarks.setup import PIXELS
from benchmarks.timing import Row, interleaved, median, ratio
from simulacra.api import fit
from simulacra.core.batch import Batch
from simulacra.core.interface import evaluating
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Levels
from simulacra.core.spaces.tokens import Tokens
from simulacra.core.updates import Update, selects
from simulacra.data.dataset import Dataset
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.adversarial.game.two_player import Game

BATCH = 64
Make = Callable[[], Game]


def games(quick: bool) -> list[Row]:
    """Measures steps of games at 64 x 64, of WGAN-GP of an MLP, and of DCGAN in bf16."""
    steps, repeats = (3, 2) if quick else (6, 5)
    images, flat = pictures(64 * (steps + 2) * 5), vectors(6000)
    paired = pictures(64 * (steps + 2) * 2, pairs=True)
    dcgan = lambda: simulacra.DCGAN(images.space, channels=32)
    critic = lambda: simulacra.WGANGP(images.space, channels=16, latent=100)
    pairs = lambda: simulacra.R3GAN(images.space, channels=4, blocks=1)
    translated = lambda: simulacra.Pix2Pix(paired.space, paired.condition, channels=8)
    pyramid = lambda: simulacra.LAPGAN(images.space, halvings=1, channels=16)
    growing = lambda: simulacra.ProgressiveGAN(images.space, channels=8)
    turned = lambda: simulacra.RotationAwareGAN(images.space, channels=8)
    captions = pictures(64 * (steps + 2) * 2, texts=True)
    drawn = lambda: simulacra.GANCLS(captions.space, captions.condition, channels=8)
    framed = frames(64 * (steps + 2) * 2)
    following = lambda: simulacra.NextFrameGAN(framed.space, framed.condition, channels=8, blocks=1)
    solid = solids(64 * (steps + 2) * 2)
    volumes = lambda: simulacra.VoxelGAN(solid.space, channels=8)
    mlp = lambda: simulacra.WGANGP(flat.space, network="mlp", hidden=(500, 500), normalization="none")
    return [
        overhead("DCGAN step at 64 x 64, batch 64", dcgan, images, steps, repeats, 1.03),
        overhead("WGAN-GP step of convolutional networks at 64 x 64", critic, images, steps, repeats, 1.03),
        overhead("R3GAN step at 64 x 64, batch 64", pairs, images, steps, repeats, 1.05),
        overhead("pix2pix step at 64 x 64, batch 64", translated, paired, steps, repeats, 1.03),
        overhead("LAPGAN step of two levels to 64 x 64", pyramid, images, steps, repeats, 1.05, 2),
        overhead("progressive GAN step of levels to 64 x 64", growing, images, steps, repeats, 1.05, 9),
        overhead("rotation-aware step at 64 x 64, batch 64", turned, images, steps, repeats, 1.05),
        overhead("GAN-CLS step of both stages at 64 x 64", drawn, captions, steps, repeats, 1.05, 2),
        overhead("next-frame-gan step at 32 x 32, batch 64", following, framed, steps, repeats, 1.05),
        overhead("voxel-gan step at 16 x 16 x 16, batch 64", volumes, solid, steps, repeats, 1.05),
        overhead("WGAN-GP step of a 784-unit MLP", mlp, flat, 10 * steps, 2 * repeats, 1.06),
        in_bf16(dcgan, images, steps, repeats),
    ]


def pictures(n: int, pairs: bool = False, texts: bool = False) -> Dataset:
    """Returns colour images of noise; the content does not change the cost of a step.

    Args:
        n: number of images.
        pairs: if True, each image is the condition of the one before it, the last one of the first.
        texts: if True, the condition of each image is a text of ten words.
    """
    x = torch.randint(0, 256, (n, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    space = Levels((3, 64, 64), 256)
    more: dict[str, Any] = {"c": x.roll(-1, 0), "condition": space} if pairs else {}
    if texts:
        more = {"c": torch.randint(1, 30, (n, 10)), "condition": Tokens((10,), 30)}
    return from_tensors(x, space, "noise", valid=0.0, test=2 / n, **more)


def frames(n: int) -> Dataset:
    """Returns grey frames of noise, each given four others.

    Args:
        n: number of frames.
    """
    x = torch.randint(0, 256, (n, 5, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    given = {"c": x[:, 1:], "condition": Levels((4, 32, 32), 256)}
    return from_tensors(x[:, :1], Levels((1, 32, 32), 256), "noise", valid=0.0, test=2 / n, **given)


def solids(n: int) -> Dataset:
    """Returns volumes of noise.

    Args:
        n: number of volumes.
    """
    shape = (1, 16, 16, 16)
    x = torch.randint(0, 2, (n, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return from_tensors(x, Binary(shape), "noise", valid=0.0, test=2 / n)


def vectors(n: int) -> Dataset:
    """Returns noise vectors of 784 entries."""
    x = torch.randint(0, 256, (n, PIXELS), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return from_tensors(x, Levels((PIXELS,), 256), "noise", valid=0.0, test=2 / n)


def bare_loop(model: Game, data: Dataset, steps: int) -> None:
    """Trains with two optimizers over the same losses, stage by stage: D on fresh batches, then G.

    Args:
        model: the GAN.
        data: the data set.
        steps: number of generator steps, which the stages share.
    """
    x, c = data.train.x, data.train.c
    model.train()
    stages = list(takewhile(lambda stage: stage is not None, (model.stage(i, []) for i in count())))
    order, at = torch.randperm(len(x)), 0
    for stage in stages:
        if stage.start is not None:
            stage.start(model, data.train, Rng(0))
        moves = [(update, *_players(model, update)) for update in stage.updates]
        for step in range(steps // len(stages)):
            batches = []
            for r in range(max(update.repeat for update in stage.updates)):
                at = (at + BATCH) % (len(x) - BATCH)
                chosen = order[at : at + BATCH]
                given = None if c is None else c.index_select(0, chosen)
                batch = Batch(x.index_select(0, chosen), given, rows=range(BATCH))
                if stage.view is not None:
                    with evaluating(model):
                        batch = stage.view(model, batch, Rng(0, step, r, rows=batch.rows))
                batches.append(batch)
            for update, own, others, optimizer in moves:
                for p in others:
                    p.requires_grad_(False)
                for p in own:
                    p.requires_grad_(True)
                for r in range(update.repeat):
                    rng = Rng(0, step, update.name, r, rows=range(BATCH))
                    optimizer.zero_grad()
                    loss = update.loss(model, batches[r], rng).loss
                    total = torch.stack([term.mean() for term in loss.values()]).sum()
                    total.backward()
                    optimizer.step()
                    if update.after is not None:
                        update.after(model, {}, 0.0)
                    float(total.detach())


def _players(model: Game, update: Update) -> tuple[list[Tensor], list[Tensor], torch.optim.Optimizer]:
    """Returns the parameters of an update, all others, and its optimizer."""
    own = [p for name, p in model.named_parameters() if selects(update.params, name)]
    others = [p for name, p in model.named_parameters() if not selects(update.params, name)]
    assert update.optimizer is not None
    return own, others, update.optimizer.build(own)


def our_fit(model: Game, data: Dataset, steps: int, precision: str = "32") -> None:
    """Trains for the same number of steps through `fit`, with run folder and checkpoints.

    Args:
        model: the GAN.
        data: the data set.
        steps: number of generator steps.
        precision: option of `fit`.
    """
    with tempfile.TemporaryDirectory() as folder:
        each = max(update.repeat for update in model.updates()) * BATCH
        options = {"epochs": steps * each / len(data.train), "batch_size": BATCH, "precision": precision}
        fit(model, data, out=folder, progress=False, validate=False, doctor=False, **options)


def overhead(
    name: str, make: Make, data: Dataset, steps: int, repeats: int, wanted: float, stages: int = 1
) -> Row:
    """Compares `fit` with the bare loop, without the start-up costs that a long training does not notice.

    Args:
        name: description of the step.
        make: returns the model.
        data: the data set.
        steps: number of steps that are timed, in each stage.
        repeats: number of interleaved repeats.
        wanted: largest acceptable ratio.
        stages: number of the model's stages.
    """
    actions: dict[str, Callable[[], object]] = {}
    short, long = stages, stages * (1 + steps)
    for n in (short, long):
        actions[f"fit {n}"] = lambda n=n: our_fit(make(), data, n)
        actions[f"bare {n}"] = lambda n=n: bare_loop(make(), data, n)
    seconds = interleaved(actions, repeats)
    # the difference between a long and a short run is the time of the steps
    each = {
        kind: [
            (b - a) / (long - short) for a, b in zip(seconds[f"{kind} {short}"], seconds[f"{kind} {long}"])
        ]
        for kind in ("fit", "bare")
    }
    low, mid, high = ratio(each, "fit", "bare")
    return Row(
        f"{name}: `fit` / bare loop",
        f"{mid:.3f} ({low:.3f} to {high:.3f})",
        f"<= {wanted:g}",
        mid <= wanted,
        f"two optimizers over the same losses and networks, {long - short} steps less the start, fp32, "
        f"{1e3 * median(each['bare']):.0f} ms a bare step",
    )


def in_bf16(make: Make, data: Dataset, steps: int, repeats: int) -> Row:
    """Compares fp32 with bf16 and channels last, through `fit`.

    Args:
        make: returns the model.
        data: the data set.
        steps: number of steps that are timed.
        repeats: number of interleaved repeats.
    """
    actions = {
        f"{precision} {n}": (lambda n=n, precision=precision: our_fit(make(), data, n, precision))
        for precision in ("32", "bf16")
        for n in (1, 1 + steps)
    }
    seconds = interleaved(actions, repeats)
    each = {
        kind: [(b - a) / steps for a, b in zip(seconds[f"{kind} 1"], seconds[f"{kind} {1 + steps}"])]
        for kind in ("32", "bf16")
    }
    low, mid, high = ratio(each, "32", "bf16")
    return Row(
        "DCGAN step at 64 x 64: fp32 / bf16 with channels last",
        f"{mid:.2f} ({low:.2f} to {high:.2f})",
        ">= 2 with AMX or AVX512-bf16",
        mid >= 2,
        f"batch 64, {torch.backends.cpu.get_cpu_capability()}, {1e3 * median(each['bf16']):.0f} ms in bf16",
    )
