"""Values that several pictures of a model share: codes, planes and conditions, computed once."""

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
from simulacra.core.spaces.tokens import Tokens
from simulacra.data.dataset import Dataset, Split
from simulacra.exploration.latent.embedding import Embedding, embed
from simulacra.exploration.latent.manifold import Plane, manifold, plane_of
from simulacra.training.callbacks.looks import TEXTS

if TYPE_CHECKING:
    from simulacra.exploration.live.sample_history import History

SIDE = 16  # cells of the decoded lattice


@dataclass
class Album:
    """Model, data and the values that several pictures share.

    Args:
        model: that is drawn.
        data: with the preprocessing of the model.
        seed: of all random draws.
        metrics: rows of the metrics file.
        seconds: time limit of a search for codes; None: no limit.
        history: snapshots of samples of two numbers that training kept, or None.
    """

    model: Model
    data: Dataset
    seed: int
    metrics: Sequence[Mapping[str, Any]]
    seconds: float | None = None
    history: History | None = None

    @property
    def space(self) -> Space:
        """The space of samples and decoded observations, in raw units."""
        return self.model.preprocessing.raw

    @property
    def conditional(self) -> bool:
        """Returns True if the model takes a condition."""
        return self.model.supports(can.TakesCondition)

    @property
    def classes(self) -> int:
        """Number of classes if the condition is one label, otherwise 0."""
        c = self.model.condition
        return c.classes if self.conditional and isinstance(c, Categorical) and c.shape == () else 0

    @property
    def gaussian(self) -> bool:
        """Returns True if the model decodes codes of the prior N(0, I) and has a posterior."""
        return self.can(can.HasPosterior, can.Decodes)

    @property
    def has_prior(self) -> bool:
        """Returns True if codes can be sampled from a prior."""
        return self.gaussian or self.can(can.HasPrior)

    @property
    def binarized(self) -> str:
        """A note for titles if the samples are 0/1 but the data have levels; otherwise empty."""
        both = isinstance(self.model.space, Binary) and not isinstance(self.space, Binary)
        return " (drawn black or white)" if both else ""

    def can(self, *capabilities: type[can.Capability]) -> bool:
        """Returns True if the model has all given capabilities."""
        return all(self.model.supports(c) for c in capabilities)

    @property
    def held_out(self) -> Split:
        """The test rows, or the validation rows, or the training rows: the first that exist."""
        splits = self.data.splits
        return splits.get("test") or splits.get("valid") or self.data.train

    def some(self, split: Split, n: int) -> Batch:
        """At most n random rows of a split, in their order."""
        return split.rows(some_of(len(split), n, Rng(self.seed, "pictures", "rows")))

    @cached_property
    def embedding(self) -> Embedding:
        """Codes of held-out rows."""
        return embed(self.model, self.held_out, seed=self.seed)

    @cached_property
    def plane(self) -> Plane:
        """The plane of codes on which the manifold is drawn."""
        return plane_of(self.model, self.embedding.codes if self.can(can.Encodes) else None)

    @cached_property
    def lattice(self) -> Tensor | None:
        """The decoded lattice of codes, or None if one picture cannot show it."""
        size = getattr(self.model, "code_size", 0)
        drawable = self.can(can.Encodes, can.Decodes) or (self.gaussian and size <= 2)
        if not drawable or self.conditional or len(self.embedding.codes) < 2:
            return None
        return manifold(self.model, SIDE, plane=self.plane)

    def conditions(self, n: int) -> Tensor | None:
        """Conditions for n samples: equal blocks of each class or of some texts, or held-out rows' own."""
        if not self.conditional:
            return None
        if self.classes:
            return torch.arange(n) * self.classes // n
        if isinstance(self.model.condition, Tokens):
            texts = self.some(self.held_out, TEXTS).c
            return None if texts is None else texts[torch.arange(n) * len(texts) // n]
        rows = self.some(self.held_out, n).c
        return None if rows is None else rows[torch.arange(n) % len(rows)]

    def paired(self, n: int) -> Batch | None:
        """n held-out rows whose condition is known, as `varied` chooses them; None if there are none."""
        rows = self.held_out
        if rows.c is None:
            return None
        if rows.c_known is None:
            return self.varied(n)
        seen = rows.c_known.cpu().nonzero()[:, 0]
        return (
            rows.rows(seen[torch.arange(min(n, len(seen))) * len(seen) // max(1, min(n, len(seen)))]) or None
        )

    def texts(self, c: Tensor | None) -> list[str]:
        """The texts of conditions, or none where these are no texts."""
        chain = self.model.conditioning
        if c is None or chain is None or not isinstance(chain.raw, Tokens) or not chain.raw.names:
            return []
        return chain.raw.texts(c)

    def class_names(self) -> list[str]:
        """The names of the classes of the condition."""
        names = self.data.label_names or cast(Categorical, self.model.condition).names
        return [names[k] if k < len(names) else str(k) for k in range(self.classes)]

    @cached_property
    def kinds(self) -> dict[int, str]:
        """The labels that occur in held-out rows, with their names."""
        labels = self.held_out.labels
        present = [] if labels is None else labels.unique().tolist()
        names = self.data.label_names
        return {k: names[k] if k < len(names) else str(k) for k in present}

    def codes(self, name: str, n: int) -> Tensor:
        """n codes sampled from the prior; `name` selects the random stream."""
        rng = Rng(self.seed, "pictures", name, rows=range(n))
        if self.can(can.HasPrior):
            return can.able(self.model, can.HasPrior).prior(rng)
        return rng.normal("z", can.able(self.model, can.Decodes).code_size, dtype=self.model.dtype)

    def varied(self, n: int) -> Batch:
        """n held-out rows: one of each class in turn if there are labels, otherwise at even distances."""
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
