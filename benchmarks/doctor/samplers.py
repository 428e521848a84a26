"""Models without parameters, whose samples are given, so that only the samples can be defective."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.doctor.laws import SPACES, data_of, law
from simulacra.core.capabilities import general as can
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.data.dataset import Dataset

FRESH = 4000  # number of rows of a sampler, which are drawn in turn


class Sampler(Model, can.Samples):
    """A model that draws the rows of a tensor in turn.

    Args:
        space: space of a row.
        rows: the rows, shape (N, *).
    """

    def __init__(self, space: Space, rows: Tensor):
        super().__init__(space)
        self.register_buffer("rows", rows)

    def updates(self) -> list:
        """Returns no updates."""
        return []

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Returns the rows at the positions of `rng`."""
        return self.rows[torch.arange(rng.rows.start, rng.rows.stop) % len(self.rows)]


class LabelledSampler(Model, can.Samples, can.TakesCondition):
    """A model that draws given rows of a class, with or without regard to the condition.

    Args:
        space: space of a row.
        condition: the classes.
        rows: the rows, shape (N, *).
        labels: their classes, shape (N,).
        listens: if True, the condition is used.
    """

    def __init__(self, space: Space, condition: Space, rows: Tensor, labels: Tensor, listens: bool):
        super().__init__(space, condition)
        self.register_buffer("rows", rows)
        self.register_buffer("labels", labels)
        self.listens = listens

    def updates(self) -> list:
        """Returns no updates."""
        return []

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Returns a row of the class c at each position of `rng`, or any row."""
        u = rng.uniform("row").cpu()
        if not self.listens or c is None:
            return self.rows[(u * len(self.rows)).long()]
        of_class = [(self.labels == k).nonzero()[:, 0] for k in range(int(self.labels.max()) + 1)]
        return torch.stack([self._one(of_class[int(k)], p) for k, p in zip(c, u)])

    def _one(self, rows: Tensor, u: Tensor) -> Tensor:
        return self.rows[rows[int(u * len(rows))]]


def fresh(name: str, seed: int) -> Tensor:
    """Draws rows of a distribution that are in no split."""
    return law(name)(FRESH, 100_000 + seed)


def truth(name: str, data: Dataset, seed: int, change: Callable[[Tensor], Tensor] | None = None) -> Model:
    """Returns a sampler of fresh rows.

    Args:
        name: name of the distribution.
        data: the data set with the preprocessing.
        seed: seed of the rows.
        change: applied to the rows; None: unchanged.
    """
    rows = fresh(name, seed)
    model = Sampler(SPACES[name], rows if change is None else change(rows))
    model.preprocessing = data.preprocessing
    return model


def copier(name: str, data: Dataset, seed: int, share: float, noise: float = 0.0) -> Model:
    """Returns a sampler of fresh rows, a share of which is replaced by training rows.

    Args:
        name: name of the distribution.
        data: the data set with the training rows.
        seed: seed of the rows and of the choice.
        share: share of copies.
        noise: standard deviation of noise that is added to copies; 0: exact copies.
    """
    r = torch.Generator().manual_seed(seed + 3)

    def change(rows: Tensor) -> Tensor:
        train = data.train.x
        copies = train[torch.randint(len(train), (len(rows),), generator=r)]
        copies = copies + noise * torch.randn(copies.shape, generator=r) if noise else copies
        copied = torch.rand(len(rows), generator=r) < share
        return torch.where(copied.unsqueeze(1), copies, rows)

    return truth(name, data, seed, change)


def each_alone(rows: Tensor) -> Tensor:
    """Permutes each column independently."""
    r = torch.Generator().manual_seed(9)
    return torch.stack([column[torch.randperm(len(rows), generator=r)] for column in rows.unbind(1)], 1)


def at_the_mean(rows: Tensor) -> Tensor:
    """Sets the second column to its mean."""
    rows = rows.clone()
    rows[:, 1] = rows[:, 1].mean()
    return rows


def towards_the_mean(rows: Tensor) -> Tensor:
    """Halves the spread: samples lack variety, but copy nothing."""
    return rows.mean(0) + 0.5 * (rows - rows.mean(0))


def without_corner(rows: Tensor) -> Tensor:
    """Removes the rows of the second corner of `clusters`."""
    kept = rows[(rows[:, 0] < 0) | (rows[:, 1] > 0)]
    return kept[torch.arange(len(rows)) % len(kept)]


def fresh_of(name: str, seed: int) -> tuple[Model, Dataset]:
    """Returns a data set, and the sampler of its true distribution."""
    data = data_of(name, seed)
    return truth(name, data, seed), data
