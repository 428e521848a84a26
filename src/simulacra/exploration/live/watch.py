"""Pictures of samples while a model trains, about eight a stage."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from simulacra.core.capabilities import general as can
from simulacra.training.callbacks.looks import (
    PICTURES,
    in_plane,
    in_turn,
    picture_seconds,
    sampled,
    shown_of,
    shows_rows,
)
from simulacra.training.callbacks.stopping import Interrupted, at_once
from simulacra.training.loop import Loop
from simulacra.training.options import draws

if TYPE_CHECKING:
    from simulacra.exploration.live.sample_history import History

ROW = 0.6  # seconds of the row of snapshots
log = logging.getLogger("simulacra")


class SamplePictures:
    """A callback that writes `samples/epoch-XXXX.png` into the run folder.

    Samples of a model whose condition is no label are made from conditions of held-out rows; these pictures
    go to `private/` of the run folder.

    Usage: `fit(model, data, samples_every=5, callbacks=(SamplePictures(),))`. Without `samples_every` it
    draws eight pictures in each stage, and skips more and more stages if there are many. `simulacra train`
    always uses it. For data of two numbers it also keeps samples and the critic's score over the plane, from
    before the first step on, and draws them in one row, `snapshots.png`.

    Args:
        seed: of the samples, which have the same noise in every picture.
    """

    def __init__(self, seed: int = 0):
        self.seed, self.seen = seed, 0
        self.history: History | None = None

    def begun(self, loop: Loop) -> None:
        """Keep samples of the model before its first step, for data of two numbers."""
        plane = in_plane(loop.model.preprocessing.raw)
        if plane and loop.folder is not None and loop.model.supports(can.Samples):
            self._told(loop, self._keep)

    def __call__(self, loop: Loop, epoch_ended: bool) -> None:
        """Write a picture if an epoch has ended and a picture is due."""
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
        """Run `work`; a failure or an interruption is logged and does not stop training."""
        try:
            with at_once(loop.backend.world == 1):
                work(loop)
        except Interrupted:
            log.info("a picture of samples was left out: training was asked to stop")
        except ValueError as error:
            # a picture that fails is no reason to stop training
            log.warning("no picture of samples: %s", error)

    def seconds(self, loop: Loop, steps: float) -> float:
        """Estimated seconds for the pictures of a stage, measured on the first steps of one picture."""
        if loop.folder is None or not shown_of(loop.position.stage):
            return 0.0
        pictures = max(1.0, epochs_of(loop) // (loop.options.samples_every or self._interval(loop)))
        rows = ROW if in_plane(loop.model.preprocessing.raw) else 0.0
        return pictures * (picture_seconds(loop.model, self.seed, loop.data) + rows)

    def _due(self, loop: Loop) -> bool:
        """Returns True if an interval between pictures has ended since the last call."""
        every, epoch = loop.options.samples_every or self._interval(loop), loop.position.epoch
        # after a resume, or in a new stage, earlier epochs are unknown
        before = self.seen if 0 < self.seen < epoch else epoch - 1
        return epoch // every > before // every

    def _interval(self, loop: Loop) -> int:
        return max(1, round(epochs_of(loop) / PICTURES))

    def _draw(self, loop: Loop) -> None:
        from simulacra.exploration.drawing.by_class import samples_of
        from simulacra.exploration.pictures.progression import framed
        from simulacra.exploration.rendering.figure import render
        from simulacra.exploration.rendering.style import save

        assert loop.folder is not None and loop.stage is not None
        model, epoch = loop.model, loop.position.epoch
        raw = model.preprocessing.raw
        with loop.ema.installed() if loop.ema else nullcontext():
            x = sampled(model, self.seed, loop.data)
        place = self._place(loop) / "samples"
        place.mkdir(exist_ok=True)
        stage = f"{loop.stage.name}-" if loop.position.stage else ""
        given = in_turn(model, len(x), loop.data)
        picture = samples_of(model, x, given, f"{type(model).__name__}, epoch {epoch}")
        if in_plane(raw):
            self._keep(loop)
            assert self.history is not None
            picture = framed(picture, self.history.window)
        save(render(picture), place / f"{stage}epoch-{epoch:04d}.png")

    def _place(self, loop: Loop) -> Path:
        """The run folder, or its private folder where samples are made from conditions of rows."""
        from simulacra.exploration.private import private_folder

        assert loop.folder is not None
        return private_folder(loop.folder) if shows_rows(loop.model) else loop.folder

    def _keep(self, loop: Loop) -> None:
        """Keep one more snapshot and draw the row of all snapshots."""
        from simulacra.exploration.live.sample_history import (
            History,
            read_history,
            snapshot,
            window_of,
            write_history,
        )
        from simulacra.exploration.pictures.critic import modes_of
        from simulacra.exploration.pictures.progression import names_of, row_of
        from simulacra.exploration.rendering.figure import render
        from simulacra.exploration.rendering.style import save

        assert loop.folder is not None
        model, step = loop.model, loop.position.total_steps
        if self.history is None:
            kept = read_history(loop.folder) if step else None
            self.history = kept or History(window_of(loop.data.train))
        with loop.ema.installed() if loop.ema else nullcontext():
            self.history = self.history.plus(snapshot(model, self.history.window, step, self.seed, loop.data))
        write_history(self.history, loop.folder)
        title = f"{type(model).__name__}: samples while it trained"
        picture = row_of(self.history, title, names_of(model.preprocessing.raw), modes_of(loop.data))
        save(render(picture), self._place(loop) / "snapshots.png")


def epochs_of(loop: Loop) -> float:
    """Passes over the data in the stage."""
    assert loop.stage is not None
    rows = len(loop.train)
    return loop.total * min(loop.options.step_rows, rows) * draws(loop.stage) / rows
