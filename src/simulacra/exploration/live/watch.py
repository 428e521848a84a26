"""Pictures of samples while a model trains, about eight a stage."""

from __future__ import annotations

import logging
from contextlib import nullcontext

from simulacra.core.capabilities import general as can
from simulacra.training.callbacks.looks import PICTURES, picture_seconds, sampled, shown_of
from simulacra.training.callbacks.stopping import Interrupted, at_once
from simulacra.training.loop import Loop
from simulacra.training.options import draws

log = logging.getLogger("simulacra")


class SamplePictures:
    """A callback that writes `samples/epoch-XXXX.png` into the run folder.

    As in `fit(model, data, samples_every=5, callbacks=(SamplePictures(),))`; without
    `samples_every` it draws eight pictures a stage, and of many stages fewer and fewer have any. The
    command line always has one.

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
        if not loop.options.samples_every and not shown_of(loop.position.stage):
            return
        try:
            with at_once(loop.backend.world == 1):
                self._draw(loop)
        except Interrupted:
            log.info("a picture of samples was left out: training was asked to stop")
        except ValueError as error:
            # a picture that fails is no reason to stop training
            log.warning("no picture of samples: %s", error)

    def seconds(self, loop: Loop, steps: float) -> float:
        """What the pictures of a stage take, from the first steps of drawing one."""
        if loop.folder is None or not shown_of(loop.position.stage):
            return 0.0
        pictures = max(1.0, epochs_of(loop) // (loop.options.samples_every or self._interval(loop)))
        return pictures * picture_seconds(loop.model, self.seed)

    def _due(self, loop: Loop) -> bool:
        """Returns True if an interval between pictures has ended since the last look."""
        every, epoch = loop.options.samples_every or self._interval(loop), loop.position.epoch
        # after a resume, or in a new stage, nothing is known of the epochs before
        before = self.seen if 0 < self.seen < epoch else epoch - 1
        return epoch // every > before // every

    def _interval(self, loop: Loop) -> int:
        return max(1, round(epochs_of(loop) / PICTURES))

    def _draw(self, loop: Loop) -> None:
        from simulacra.exploration.drawing.views import view

        assert loop.folder is not None and loop.stage is not None
        model, epoch = loop.model, loop.position.epoch
        raw = model.preprocessing.raw
        with loop.ema.installed() if loop.ema else nullcontext():
            x = sampled(model, self.seed)
        place = loop.folder / "samples"
        place.mkdir(exist_ok=True)
        stage = f"{loop.stage.name}-" if loop.position.stage else ""
        view(raw, x, place / f"{stage}epoch-{epoch:04d}.png", title=f"{type(model).__name__}, epoch {epoch}")


def epochs_of(loop: Loop) -> float:
    """Passes over the data in the stage."""
    assert loop.stage is not None
    rows = len(loop.train)
    return loop.total * min(loop.options.batch_size, rows) * draws(loop.stage) / rows
