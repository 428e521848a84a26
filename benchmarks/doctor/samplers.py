"""Models without parameters: what they draw is given, so that nothing but the samples is sick."""

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

FRESH = 4000  # rows that a sampler holds, drawn in turn


class Sampler(Model, can.Samples):
    """Draws the rows of a tensor in turn.

    Args:
        space: of the rows.
        rows: shape (N, *).
    """

    def __init__(self, space: Space, rows: Tensor):
        super().__init__(space)
        self.register_buffer("rows", rows)

    def updates(self) -> list:
        """Nothing is learned."""
        return []

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """The rows at the positions of `rng`."""
        return self.rows[torch.arange(rng.rows.start, rng.rows.stop) % len(self.rows)]


class LabelledSampler(Model, can.Samples, can.TakesCondition):
    """Draws rows of a class, by the condition or whatever it is.

    Args:
        space: of the rows.
        condition: the classes.
        rows: shape (N, *).
        labels: their classes, shape (N,).
        listens: whether the condition is heeded.
    """

    def __init__(self, space: Space, condition: Space, rows: Tensor, labels: Tensor, listens: bool):
        super().__init__(space, condition)
        self.register_buffer("rows", rows)
        self.register_buffer("labels", labels)
        self.listens = listens

    def updates(self) -> list:
        """Nothing is learned."""
        return []

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """A row of the class of c at each position of `rng`, or any row."""
        u = rng.uniform("row").cpu()
        if not self.listens or c is None:
            return self.rows[(u * len(self.rows)).long()]
        of_class = [(self.labels == k).nonzero()[:, 0] for k in range(int(self.labels.max()) + 1)]
        return torch.stack([self._one(of_class[int(k)], p) for k, p in zip(c, u)])

    def _one(self, rows: Tensor, u: Tensor) -> Tensor:
        return self.rows[rows[int(u * len(rows))]]


def fresh(name: str, seed: int) -> Tensor:
    """Rows of the law that are in no split."""
    return law(name)(FRESH, 100_000 + seed)


def truth(name: str, data: Dataset, seed: int, change: Callable[[Tensor], Tensor] | None = None) -> Model:
    """A sampler of fresh rows of the law, changed or as they are."""
    rows = fresh(name, seed)
    model = Sampler(SPACES[name], rows if change is None else change(rows))
    model.preprocessing = data.preprocessing
    return model


def copier(name: str, data: Dataset, seed: int, share: float, noise: float = 0.0) -> Model:
    """A sampler of fresh rows, of which a share is training rows, with Gaussian noise or exact."""
    r = torch.Generator().manual_seed(seed + 3)

    def change(rows: Tensor) -> Tensor:
        train = data.train.x
        copies = train[torch.randint(len(train), (len(rows),), generator=r)]
        copies = copies + noise * torch.randn(copies.shape, generator=r) if noise else copies
        copied = torch.rand(len(rows), generator=r) < share
        return torch.where(copied.unsqueeze(1), copies, rows)

    return truth(name, data, seed, change)


def each_alone(rows: Tensor) -> Tensor:
    """Each column in an order of its own."""
    r = torch.Generator().manual_seed(9)
    return torch.stack([column[torch.randperm(len(rows), generator=r)] for column in rows.unbind(1)], 1)


def at_the_mean(rows: Tensor) -> Tensor:
    """The second column at its mean."""
    rows = rows.clone()
    rows[:, 1] = rows[:, 1].mean()
    return rows


def towards_the_mean(rows: Tensor) -> Tensor:
    """Half as spread: samples without variety, which copy nothing."""
    return rows.mean(0) + 0.5 * (rows - rows.mean(0))


def without_corner(rows: Tensor) -> Tensor:
    """No row of the second corner of `clusters`."""
    kept = rows[(rows[:, 0] < 0) | (rows[:, 1] > 0)]
    return kept[torch.arange(len(rows)) % len(kept)]


def fresh_of(name: str, seed: int) -> tuple[Model, Dataset]:
    """Data and the sampler of their truth."""
    data = data_of(name, seed)
    return truth(name, data, seed), data
