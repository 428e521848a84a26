"""Rows of users on their way into a model, shared by all methods: checks, preprocessing and chunks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from simulacra.core.capabilities import general as can
from simulacra.core.errors.suggestion import load_with
from simulacra.core.inputs.chunks import Rows, prepared
from simulacra.core.inputs.conditions import accepted, condition_rows
from simulacra.core.inputs.convert import rows_of
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space

if TYPE_CHECKING:
    from simulacra.core.preprocessing.chain import Preprocessing

CHUNK = 1024  # rows that go through a network at once


class RawRows:
    """Base of the methods: finds capabilities, and leads raw data to the model's space."""

    if TYPE_CHECKING:
        space: Space
        condition: Space | None
        preprocessing: Preprocessing
        conditioning: Preprocessing | None

        @property
        def device(self) -> torch.device: ...

        @property
        def dtype(self) -> torch.dtype: ...

        def capabilities(self) -> frozenset[type[can.Capability]]: ...

        def supports(self, capability: type[can.Capability]) -> bool: ...

    def _need(self, word: str, *any_of: type[can.Capability]) -> None:
        if not any(self.supports(c) for c in any_of):
            has = ", ".join(sorted({c.phrase for c in self.capabilities()})) or "nothing"
            wanted = " or ".join(c.phrase for c in any_of)
            raise can.MissingCapability(
                f"{type(self).__name__} cannot do {word}(): that needs a model that {wanted}; this one {has}."
                f"{_once_on_pairs(self) if can.Translates in any_of else ''}"
            )

    def _chunks(
        self,
        x: Any,
        condition: Any,
        rng: Rng,
        known: Any,
        able: tuple[type[can.Capability], ...] = can.LEAVES_OUT,
        lengths: Any = None,
        first: int | None = None,
    ) -> Iterator[Rows]:
        """Yields preprocessed chunks with their log-Jacobians, conditions and random generators.

        Args:
            able: the model needs one of these capabilities if entries are missing.
            first: key the noise by the place of a row, this number for the first one, so that equal rows
                draw differently; None: by what the row holds.
        """
        x, known = self._raw(x, known, able, lengths)
        c = self._condition(condition, len(x))
        keyed = rng.by_content(x, known) if first is None else rng.on(range(first, first + len(x)))
        return prepared(self, x, known, keyed, CHUNK, c)

    def _raw(
        self,
        x: Any,
        known: Any = None,
        able: tuple[type[can.Capability], ...] = can.LEAVES_OUT,
        lengths: Any = None,
    ) -> tuple[Tensor, Tensor | None]:
        leaves_out = any(map(self.supports, able))
        raw, geometry = self.preprocessing.raw, self.preprocessing.geometry
        x, known = rows_of(raw, x, known, geometry, lengths, lenient=leaves_out)
        if known is not None and not leaves_out:
            raise ValueError(
                f"x has missing entries, which {type(self).__name__} cannot leave out: fill them in first."
            )
        return self.preprocessing.held(x, self.device), None if known is None else known.to(self.device)

    def _condition(self, condition: Any, n: int) -> Tensor | None:
        chain = self.conditioning
        if chain is None:
            if condition is not None:
                raise ValueError(f"{type(self).__name__} was built without a condition, but one was given.")
            return None
        if condition is None and not self.supports(can.TakesCondition):
            # a joint model learns the labels and does not need them as input
            return None
        if condition is None:
            raise ValueError(
                f"{type(self).__name__} models p(x|c) with c of {chain.raw}: give condition=, "
                f"{accepted(chain.raw)}."
            )
        return chain.of_condition(condition_rows(chain.raw, condition, n, chain.geometry), self.device)


def chunks_of(n: int, chunk: int = CHUNK) -> Iterator[range]:
    """Yields the row numbers 0 to n - 1 in chunks that go through a network at once.

    Args:
        n: number of rows.
        chunk: number of rows of a chunk.

    Example:
        >>> [len(rows) for rows in chunks_of(CHUNK + 2)]
        [1024, 2]
    """
    yield from (range(i, min(i + chunk, n)) for i in range(0, n, chunk))


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Context in evaluation mode and without gradients; restores the training flag at the end."""
    was = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(was)


def _once_on_pairs(model: Any) -> str:
    """Returns how a model that does not translate would: trained on pairs; empty if its class never does."""
    if not (isinstance(model, can.Samples) and isinstance(model, can.TakesCondition)):
        return ""
    way = f"{load_with(condition='edges')} or another image" if model.space.image else "another observation"
    return f" Trained on pairs, {type(model).__name__} does: load the data with {way} as the condition."
