"""Pictures of samples while a model trains, about eight a stage."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING

from simulacra.core.capabilities import general as can
from simulacra.training.callbacks.looks import PICTURES, in_plane, picture_seconds, sampled, shown_of
from simulacra.training.callbacks.stopping import Interrupted, at_once
from simulacra.training.loop import Loop
from simulacra.training.options import draws

if TYPE_CHECKING:
    from simulacra.exploration.live.history import History

ROW = 0.6  # seconds of the row of snapshots
log = logging.getLogger("simulacra")


class SamplePictures:
    """A callback that writes `samples/epoch-XXXX.png` into the run folder.

    As in `fit(model, data, samples_every=5, callbacks=(SamplePictures(),))`; without `samples_every` it draws
    eight pictures a stage, and of many stages fewer and fewer have any. The command line always has one.
    Of two numbers it also keeps the samples, and the critic's number over the plane, from before the first
    step on, and shows them in one row, `snapshots.png`.

    Args:
        seed: of the samples: the same noise in every picture, so that they can be compared.
    """

    def __init__(self, seed: int = 0):
        self.seed, self.seen = seed, 0
        self.history: History | None = None

    def begun(self, loop: Loop) -> None:
        """Keep samples of the model as it stands before its first step, where they are two numbers."""
        plane = in_plane(loop.model.preprocessing.raw)
        if plane and loop.folder is not None and loop.model.supports(can.Samples):
            self._told(loop, self._keep)

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
        self._told(loop, self._draw)

    def _told(self, loop: Loop, work: Callable[[Loop], None]) -> None:
        """Do the work; one that fails or is interrupted is told of, and stops nothing."""
        try:
            with at_once(loop.backend.world == 1):
                work(loop)
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
        rows = ROW if in_plane(loop.model.preprocessing.raw) else 0.0
        return pictures * (picture_seconds(loop.model, self.seed) + rows)

    def _due(self, loop: Loop) -> bool:
        """Returns True if an interval between pictures has ended since the last look."""
        every, epoch = loop.options.samples_every or self._interval(loop), loop.position.epoch
        # after a resume, or in a new stage, nothing is known of the epochs before
        before = self.seen if 0 < self.seen < epoch else epoch - 1
        return epoch // every > before // every

    def _interval(self, loop: Loop) -> int:
        return max(1, round(epochs_of(loop) / PICTURES))

    def _draw(self, loop: Loop) -> None:
        from simulacra.exploration.drawing import style
        from simulacra.exploration.drawing.views import view
        from simulacra.exploration.pictures.progression import framed

        assert loop.folder is not None and loop.stage is not None
        model, epoch = loop.model, loop.position.epoch
        raw = model.preprocessing.raw
        with loop.ema.installed() if loop.ema else nullcontext():
            x = sampled(model, self.seed)
        place = loop.folder / "samples"
        place.mkdir(exist_ok=True)
        stage = f"{loop.stage.name}-" if loop.position.stage else ""
        figure = view(raw, x, title=f"{type(model).__name__}, epoch {epoch}")
        if in_plane(raw):
            self._keep(loop)
            assert self.history is not None
            framed(figure, self.history.window)
        style.save(figure, place / f"{stage}epoch-{epoch:04d}.png")

    def _keep(self, loop: Loop) -> None:
        """One more snapshot of two numbers, and the row of all of them."""
        from simulacra.exploration.drawing import style
        from simulacra.exploration.live.history import (
            History,
            read_history,
            snapshot,
            window_of,
            write_history,
        )
        from simulacra.exploration.pictures.critic import modes_of
        from simulacra.exploration.pictures.progression import names_of, row_of

        assert loop.folder is not None
        model, step = loop.model, loop.position.total_steps
        if self.history is None:
            kept = read_history(loop.folder) if step else None
            self.history = kept or History(window_of(loop.data.train))
        with loop.ema.installed() if loop.ema else nullcontext():
            self.history = self.history.plus(snapshot(model, self.history.window, step, self.seed))
        write_history(self.history, loop.folder)
        title = f"{type(model).__name__}: samples while it trained"
        figure = row_of(self.history, title, names_of(model.preprocessing.raw), modes_of(loop.data))
        style.save(figure, loop.folder / "snapshots.png")


def epochs_of(loop: Loop) -> float:
    """Passes over the data in the stage."""
    assert loop.stage is not None
    rows = len(loop.train)
    return loop.total * min(loop.options.batch_size, rows) * draws(loop.stage) / rows
