"""What the pictures of a model share: codes, planes and conditions, made once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from simulacra.core.batch import Batch
from simulacra.core.capabilities import general as can
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng, some_of
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary, Space
from simulacra.data.dataset import Dataset, Split
from simulacra.exploration.latent.embedding import Embedding, embed
from simulacra.exploration.latent.manifold import Plane, manifold, plane_of

if TYPE_CHECKING:
    from simulacra.exploration.live.history import History

SIDE = 16  # cells of the decoded lattice


@dataclass
class Album:
    """What several pictures share, made once.

    Args:
        model: that is drawn.
        data: prepared as the model wants them.
        seed: of all draws.
        metrics: rows of the metrics file.
        seconds: that a search for codes may take; None: no limit.
        history: snapshots that training kept, of samples of two numbers; or None.
    """

    model: Model
    data: Dataset
    seed: int
    metrics: Sequence[Mapping[str, Any]]
    seconds: float | None = None
    history: History | None = None

    @property
    def space(self) -> Space:
        """Of what the model's words return: raw units."""
        return self.model.preprocessing.raw

    @property
    def conditional(self) -> bool:
        """Returns True if the model takes a condition."""
        return self.model.supports(can.TakesCondition)

    @property
    def classes(self) -> int:
        """Number of classes of a condition that is one label, otherwise 0."""
        c = self.model.condition
        return c.classes if self.conditional and isinstance(c, Categorical) and c.shape == () else 0

    @property
    def gaussian(self) -> bool:
        """Returns True if codes of N(0, I) are the model's own, and the encoder's."""
        return self.can(can.HasPosterior, can.Decodes)

    @property
    def has_prior(self) -> bool:
        """Returns True if codes can be drawn."""
        return self.gaussian or self.can(can.HasPrior)

    @property
    def binarized(self) -> str:
        """What a title adds where the model draws in black and white what has levels in the data."""
        both = isinstance(self.model.space, Binary) and not isinstance(self.space, Binary)
        return " (drawn black or white)" if both else ""

    def can(self, *capabilities: type[can.Capability]) -> bool:
        """Returns True if the model has all of these."""
        return all(self.model.supports(c) for c in capabilities)

    @property
    def held_out(self) -> Split:
        """Rows that were not trained on, where there are any."""
        splits = self.data.splits
        return splits.get("test") or splits.get("valid") or self.data.train

    def some(self, split: Split, n: int) -> Batch:
        """n rows of a split at most, chosen at random by the seed, in their order."""
        return split.rows(some_of(len(split), n, Rng(self.seed, "pictures", "rows")))

    @cached_property
    def embedding(self) -> Embedding:
        """Codes of held-out rows."""
        return embed(self.model, self.held_out, seed=self.seed)

    @cached_property
    def plane(self) -> Plane:
        """The plane of codes that cuts the manifold."""
        return plane_of(self.model, self.embedding.codes if self.can(can.Encodes) else None)

    @cached_property
    def lattice(self) -> Tensor | None:
        """The decoded manifold, where it makes one picture."""
        size = getattr(self.model, "code_size", 0)
        drawable = self.can(can.Encodes, can.Decodes) or (self.gaussian and size <= 2)
        if not drawable or self.conditional or len(self.embedding.codes) < 2:
            return None
        return manifold(self.model, SIDE, plane=self.plane)

    def conditions(self, n: int) -> Tensor | None:
        """Conditions for n samples: classes in blocks, or those of held-out rows in turn."""
        if not self.conditional:
            return None
        if self.classes:
            return torch.arange(n) * self.classes // n
        rows = self.some(self.held_out, n).c
        return None if rows is None else rows[torch.arange(n) % len(rows)]

    def class_names(self) -> list[str]:
        """What the classes of the condition are called."""
        names = self.data.label_names or cast(Categorical, self.model.condition).names
        return [names[k] if k < len(names) else str(k) for k in range(self.classes)]

    @cached_property
    def kinds(self) -> dict[int, str]:
        """Labels that held-out rows have, and what they are called."""
        labels = self.held_out.labels
        present = [] if labels is None else labels.unique().tolist()
        names = self.data.label_names
        return {k: names[k] if k < len(names) else str(k) for k in present}

    def codes(self, name: str, n: int) -> Tensor:
        """n codes of the prior."""
        rng = Rng(self.seed, "pictures", name, rows=range(n))
        if self.can(can.HasPrior):
            return can.able(self.model, can.HasPrior).prior(rng)
        return rng.normal("z", can.able(self.model, can.Decodes).code_size, dtype=self.model.dtype)

    def varied(self, n: int) -> Batch:
        """n held-out rows: the classes in turn where there are labels, otherwise evenly spread ones."""
        rows = self.held_out
        if rows.labels is None:
            # test sets are often sorted
            n = min(n, len(rows))
            return rows.rows(torch.arange(n) * len(rows) // n)
        seen: dict[int, int] = {}
        order = []
        for i, label in enumerate(rows.labels.tolist()):
            order.append((seen.get(label, 0), label, i))
            seen[label] = seen.get(label, 0) + 1
        return rows.rows(torch.tensor([i for _, _, i in sorted(order)[:n]]))
