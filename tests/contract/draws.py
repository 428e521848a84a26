"""The names of all random numbers that one update draws, to find noise that is drawn twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from contract.cases import Case
from contract.use import begin
from simulacra.core.batch import Batch
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng, ambient
from simulacra.core.updates import Stage, Update

Key = tuple[object, ...]  # path and name
Drawn = list[tuple[Key, object]]  # with the rows


@contextmanager
def recorded() -> Iterator[Drawn]:
    """Every draw within, in order; the numbers are those of the `Rng`."""
    drawn: Drawn = []
    draw, permutation = Rng._draw, Rng.permutation

    def _draw(self, name, shape, rows, dtype, kind):
        drawn.append(((*self.path, name), self.rows if rows is None else rows))
        return draw(self, name, shape, rows, dtype, kind)

    def permuted(self, name, n):
        drawn.append(((*self.path, name), range(n)))
        return permutation(self, name, n)

    Rng._draw, Rng.permutation = _draw, permuted
    try:
        yield drawn
    finally:
        Rng._draw, Rng.permutation = draw, permutation


def repeated(drawn: Drawn) -> list[str]:
    """The names under which the numbers of a row were drawn more than once, in order.

    Example:
        >>> repeated([(("u", "z"), range(3)), (("u", "e"), range(3)), (("u", "z"), range(2, 5))])
        ['z']
    """
    seen: dict[Key, list[object]] = {}
    found = []
    for key, rows in drawn:
        if any(_overlap(rows, others) for others in seen.setdefault(key, [])):
            found.append(str(key[-1]))
        seen[key].append(rows)
    return list(dict.fromkeys(found))


def _overlap(a: object, b: object) -> bool:
    """Rows by place are ranges; contents may always be the same."""
    if isinstance(a, range) and isinstance(b, range):
        return max(a.start, b.start) < min(a.stop, b.stop)
    return True


def takes_noise(model: Model, c: torch.Tensor | None) -> bool:
    """True if a sample is more than a function of its condition: of the draws, one holds a number."""
    sizes = []

    def counting(key, kind, drawn):
        numbers = drawn()
        sizes.append(numbers.numel())
        return numbers

    rng = Rng(0, "noise", rows=range(1), source=counting)
    with torch.no_grad():
        model.draw(rng, None if c is None else c[:1])
    return any(sizes)


def names_of_update(model: Model, update: Update, batch: Batch) -> Drawn:
    """What one move of an update draws, as the trainer makes it: `before`, then the loss."""
    rng = Rng(0, "update", update.name, rows=batch.rows)
    model.train()
    with recorded() as drawn:
        if update.before is not None:
            with torch.no_grad(), ambient(keyed := rng.at("before")):
                update.before(model, batch, keyed)
        with ambient(rng):
            update.loss(model, batch, rng)
    return drawn


def names_of_stage(case: Case, model: Model, stage: Stage) -> dict[str, Drawn]:
    """The draws of the start and the view of a stage, and those of each of its updates."""
    with recorded() as drawn:
        batch = begin(case, model, stage)
    of = lambda what: [(key, rows) for key, rows in drawn if key[1] == what]
    around = {f"{what} of stage {stage.name}": of(what) for what in ("start", "view")}
    return around | {update.name: names_of_update(model, update, batch) for update in stage.updates}
