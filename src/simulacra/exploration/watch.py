"""Pictures of samples while a model trains, about eight a stage."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from typing import Any

import torch

from simulacra.core import capabilities as can
from simulacra.core.classes import Categorical
from simulacra.core.model import Model
from simulacra.training.loop import Loop
from simulacra.training.options import draws

log = logging.getLogger("simulacra")
PICTURES = 8  # a stage
IMAGES, POINTS = 64, 500


class SamplePictures:
    """A watcher that writes `samples/epoch-XXXX.png` into the run folder.

    As in `fit(model, data, samples_every=5, watchers=(SamplePictures(),))`; without
    `samples_every` it draws eight pictures a stage. The command line always has one.

    Args:
        seed: of the samples: the same noise in every picture, so that they can be compared.
    """

    def __init__(self, seed: int = 0):
        self.seed, self.seen = seed, 0

    def __call__(self, loop: Loop, epoch_ended: bool) -> None:
        """Draw, if an epoch has ended at which a picture is due."""
        if not epoch_ended or loop.folder is None or not loop.model.supports(can.Samples):
            return
        due = self._due(loop)
        self.seen = loop.position.epoch
        if not due and loop.position.step < loop.total:
            return
        try:
            self._draw(loop)
        except ValueError as error:
            # a picture that fails is no reason to stop training
            log.warning("no picture of samples: %s", error)

    def _due(self, loop: Loop) -> bool:
        """Returns True if an interval between pictures has ended since the last look."""
        every, epoch = loop.options.samples_every or self._interval(loop), loop.position.epoch
        # after a resume, or in a new stage, nothing is known of the epochs before
        before = self.seen if 0 < self.seen < epoch else epoch - 1
        return epoch // every > before // every

    def _interval(self, loop: Loop) -> int:
        return max(1, round(epochs_of(loop) / PICTURES))

    def _draw(self, loop: Loop) -> None:
        from simulacra.exploration.views import view

        assert loop.folder is not None and loop.stage is not None
        model, epoch = loop.model, loop.position.epoch
        raw = model.preprocessing.raw
        n = IMAGES if raw.image else POINTS
        with loop.ema.installed() if loop.ema else nullcontext():
            x = model.sample(n, in_turn(model, n), self.seed)
        place = loop.folder / "samples"
        place.mkdir(exist_ok=True)
        stage = f"{loop.stage.name}-" if loop.position.stage else ""
        view(raw, x, place / f"{stage}epoch-{epoch:04d}.png", title=f"{type(model).__name__}, epoch {epoch}")


def epochs_of(loop: Loop) -> float:
    """Passes over the data in the stage."""
    assert loop.stage is not None
    rows = len(loop.train)
    return loop.total * min(loop.options.batch_size, rows) * draws(loop.stage) / rows


def in_turn(model: Model, n: int) -> Any:
    """Conditions for n samples: the classes in turn, the first class for the first samples.

    Raises:
        ValueError: if the condition is no single class.
    """
    c = model.condition
    if c is None or not model.supports(can.TakesCondition):
        return None
    if not isinstance(c, Categorical) or c.shape:
        raise ValueError(f"the model takes a condition out of {c}: give one with --condition.")
    return torch.arange(n) * c.classes // max(n, 1)
