"""Samples at chosen steps of training, all from the same noise.

Reference: Radford et al. 2015. Row F29.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import nullcontext

from simulacra.training.callbacks.looks import in_turn, shows_rows
from simulacra.training.loop import Loop


class Snapshots:
    """A callback that writes `snapshots/step-NNNNNN.png` into the run folder, or into its `private/`.

    The latter holds samples that were made from conditions of held-out rows, of a model whose condition is no
    label.

    Usage: `fit(model, data, callbacks=(Snapshots((300, 900, 6000)),))`.

    Args:
        steps: numbers of steps after which samples are drawn.
        n: number of samples.
        seed: of the samples.
    """

    def __init__(self, steps: Collection[int], n: int = 64, seed: int = 1):
        self.steps, self.n, self.seed = frozenset(steps), n, seed

    def __call__(self, loop: Loop, epoch_ended: bool) -> None:
        """Write a picture if the current step is one of `steps`."""
        from simulacra.exploration.drawing.by_class import samples_of
        from simulacra.exploration.private import private_folder
        from simulacra.exploration.rendering.figure import render
        from simulacra.exploration.rendering.style import save

        step, model = loop.position.step, loop.model
        if step not in self.steps or loop.folder is None:
            return
        with loop.ema.installed() if loop.ema else nullcontext():
            given = in_turn(model, self.n, loop.data)
            x = model.sample(self.n, given, self.seed)
        place = (private_folder(loop.folder) if shows_rows(model) else loop.folder) / "snapshots"
        place.mkdir(exist_ok=True)
        title = f"{type(model).__name__} after {step:,} steps"
        save(render(samples_of(model, x, given, title)), place / f"step-{step:06d}.png")
