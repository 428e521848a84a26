"""Counterfeiter and police: the first story of an adversarial game, played on notes of one number.

command     python recipes/counterfeiters.py [--picture FILE]
protocol    a note is a shade x in R. Genuine notes have the law N(2, 0.5^2), in acts 3 and 4 half of them
            N(-2, 0.5^2); 4,096 training rows, batch 128. Act 1: police of a straight line, a counterfeiter
            who moves and stretches; act 2: two hidden layers; act 3: notes of two kinds; act 4: the same
            notes, r3gan
published   none: the story is Goodfellow et al. 2014
ours        1,200 rounds, mean and deviation of the forged notes: act 1 2.012 and 0.015, act 2 1.914 and
            0.442; share of the rarer kind: act 3 47 %, act 4 49 % (in round 60 act 3 has one kind only)
device      2 shared CPU cores, one thread
"""

from __future__ import annotations

import argparse
import logging
import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

import simulacra
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.training.hardware.budget import Budget
from simulacra.training.loop import Loop

ROWS, SEEN, DEVIATION = 4096, 4000, 0.5
POINT = simulacra.Real((1,))
LINE = {"latent": 1, "hidden": (), "normalization": "none", "lr": 0.01}
DEEP = {"latent": 2, "hidden": (32, 32), "normalization": "none", "lr": 1e-3}
ROUNDS = (0, 60, 300, 1200)


@dataclass
class Act:
    """An act of the story: its title, the centres of the genuine notes, the game, and its pictures."""

    title: str
    centres: tuple[float, ...]
    make: Callable[[], Model]
    scenes: list[tuple[int, Tensor, Tensor]] = field(default_factory=list)


ACTS = (
    Act("a straight line", (2.0,), lambda: simulacra.GAN(POINT, **LINE)),
    Act("two hidden layers", (2.0,), lambda: simulacra.GAN(POINT, **DEEP)),
    Act("notes of two kinds", (-2.0, 2.0), lambda: simulacra.GAN(POINT, **DEEP)),
    Act(
        "two kinds, in pairs",
        (-2.0, 2.0),
        lambda: simulacra.R3GAN(POINT, latent=2, width=32, blocks=1, gamma=0.1, lr=1e-3),
    ),
)
SHADES = torch.linspace(-4.5, 4.5, 181)


def play(act: Act) -> dict[str, float]:
    """Plays an act to its last round, with a scene at each of `ROUNDS`, and returns what is left.

    Args:
        act: the act, whose scenes are replaced.
    """
    rng = Rng(5, "notes", rows=range(ROWS))
    centres = torch.tensor(act.centres)
    kind = (rng.uniform("kind", 1) * len(centres)).long()
    x = centres[kind] + DEVIATION * rng.normal("shade", 1)
    data = simulacra.from_tensors(x, POINT, "notes", valid=0.0, test=0.0)
    torch.manual_seed(0)
    model = act.make()
    act.scenes.clear()
    _keep(act, 0, model)

    def watch(loop: Loop, epoch_ended: bool) -> None:
        if loop.position.step in ROUNDS:
            _keep(act, loop.position.step, loop.model)

    epochs = ROUNDS[-1] * 128 / ROWS
    settings = {"epochs": epochs, "batch_size": 128, "progress": False, "doctor": False}
    simulacra.fit(model, data, out=tempfile.mkdtemp(), callbacks=(watch,), **settings)
    return told(act)


def _keep(act: Act, step: int, model: Model) -> None:
    with torch.no_grad():
        act.scenes.append((step, model.sample(SEEN, seed=1)[:, 0], model.critic_score(SHADES[:, None])))


def told(act: Act) -> dict[str, float]:
    """Returns numbers of the last scene: mean, deviation and share of each kind of the forged notes.

    Args:
        act: the act.
    """
    _, made, _ = act.scenes[-1]
    near = [((made - m).abs() < 3 * DEVIATION).double().mean().item() for m in act.centres]
    return {"mean": made.mean().item(), "deviation": made.std().item(), "rarer kind": min(near)}


def picture(path: Path) -> None:
    """Draws the scenes of all acts that were played.

    Args:
        path: file of the picture.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(len(ACTS), len(ROUNDS), figsize=(11, 8.6), layout="constrained")
    for act, row in zip(ACTS, axes):
        scale = DEVIATION * math.sqrt(2 * math.pi) * len(act.centres)
        genuine = sum((-0.5 * ((SHADES - m) / DEVIATION) ** 2).exp() for m in act.centres) / scale
        for (step, made, score), axis in zip(act.scenes, row):
            axis.plot(SHADES, genuine, color="black", label="genuine")
            axis.hist(
                made.clamp(-4.5, 4.5), bins=60, range=(-4.5, 4.5), density=True, alpha=0.5, label="forged"
            )
            axis.set_ylim(0, 1.6)
            axis.set_title(f"{act.title}, round {step:,}", fontsize=8)
            right = axis.twinx()
            # of pairs only differences count: the line is that of a note against the mean score
            right.plot(SHADES, torch.sigmoid(score - score.mean() * (act is ACTS[-1])), color="tab:red", lw=1)
            right.set_ylim(0, 1)
            for side in (axis, right):
                side.tick_params(labelsize=7)
    axes[0, 0].legend(fontsize=7, loc="upper left")
    figure.savefig(path, dpi=90)
    plt.close(figure)


def main() -> None:
    """Plays all acts, prints how each ends, and draws the picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--picture", type=Path)
    asked = parser.parse_args()
    logging.getLogger("simulacra").setLevel(logging.ERROR)
    for act in ACTS:
        found = play(act)
        print(f"{act.title:20} " + ", ".join(f"{name} {value:.3f}" for name, value in found.items()))
    if asked.picture:
        picture(asked.picture)


FIGURES = tuple(
    Figure(f"{act.title}, {name} of the forged notes", None, "", "", "4,000 samples", 0.0, 0.0)
    for act in ACTS
    for name in ("mean", "deviation", "rarer kind")
)


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Measures the end of every act, whatever the budget: they take a minute."""
    logging.getLogger("simulacra").setLevel(logging.ERROR)
    figures = iter(FIGURES)
    for act in ACTS:
        for value in budget.once(act.title, lambda act: list(play(act).values()), act):
            yield next(figures).measured(value)


if __name__ == "__main__":
    main()
