"""Conditions that a corruption makes from x: once, keyed by the values of each row and the seed.

    c = C(x; key(x, seed))                                                                          (1)

The condition of a row is the same in any split, order or batch, in memory or streamed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from simulacra.core.corruption.corruption import Corruption
from simulacra.core.corruption.mix import Mix
from simulacra.core.corruption.parse import KINDS
from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.data.pairs.forms import Made
from simulacra.data.pairs.noises import all_of, apart
from simulacra.data.pairs.projecting import View
from simulacra.data.pairs.shrinking import Shrink
from simulacra.data.row_store import RowStore
from simulacra.data.sources.source import Part, Source

CHUNK = 256  # rows that are corrupted together
FACTORS = (4, 2, 3, 5, 7)  # of smaller sides, that a message suggests


@dataclass(frozen=True, eq=False)
class MadeRows(RowStore):
    """Conditions of rows that lie in files.

    Args:
        rows: the rows x.
        corruption: makes c from x.
        space: raw space of x.
        seed: seed of the noise.
    """

    rows: RowStore
    corruption: Corruption
    space: Space
    seed: int

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]
        """Shape of one condition."""
        return self.corruption.space(self.space).shape

    @property
    def dtype(self) -> torch.dtype:
        """The type of the entries."""
        return self.rows.dtype

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Tensor) -> MadeRows:
        return replace(self, rows=self.rows[index])

    def read(self, index: list[int] | range) -> Tensor:
        """Reads x, and returns equation (1), shape (B, *)."""
        return corrupted(self.rows.read(index), self.corruption, self.space, self.seed)

    def digest(self) -> str:
        """Returns the digest of what makes c, since that of x stands beside it."""
        return stamp(self.corruption, self.seed)


def stamp(corruption: Corruption, seed: int) -> str:
    """Returns the digest of what makes conditions of x, without x.

    Args:
        corruption: makes c from x.
        seed: seed of the noise.
    """
    return f"{corruption.text} of x (seed {seed})"


def corrupted(x: Tensor, corruption: Corruption, space: Space, seed: int) -> Tensor:
    """Returns equation (1), shape (N, *).

    Args:
        x: raw rows, shape (N, *).
        corruption: makes c from x.
        space: raw space of x.
        seed: seed of the noise.

    Example:
        >>> from simulacra.core.corruption.parse import parse
        >>> from simulacra.core.spaces.plain import Real
        >>> x = torch.arange(6.0).reshape(2, 3)
        >>> whole = corrupted(x, parse("mask:0.5"), Real((3,)), 0)
        >>> torch.equal(whole[1:], corrupted(x[1:], parse("mask:0.5"), Real((3,)), 0))
        True
    """
    # noise of a folder is not keyed by its place
    rng = Rng(seed, "condition", corruption.name)
    # (1)
    made = [corruption.apply(part, rng.by_content(part), space) for part in x.split(CHUNK)]
    return torch.cat(made) if made else x.new_empty(0, *corruption.space(space).shape)


def with_made(source: Source, form: Made, seed: int) -> Source:
    """Returns rows as pairs with what a corruption makes of them.

    Args:
        source: rows in their splits, in memory or streamed.
        form: the corruption.
        seed: seed of the noise.

    Raises:
        ValueError: if the corruption does not fit the rows, or rows have gaps.
    """
    _check(source, form)
    corruptions = parts_of(form, list(source.parts))
    c: dict[str, Tensor | RowStore] = {}
    stamps: dict[str, str] = {}
    for name, part in source.parts.items():
        made = corruptions[name]
        if isinstance(part.rows, RowStore):
            c[name] = MadeRows(part.rows, made, source.space, seed)
        else:
            c[name] = corrupted(part.rows, made, source.space, seed)
            if part.stamp is not None:
                stamps[name] = stamp(made, seed)
    space = form.corruption.space(source.space)
    # new conditions of another size are not resized as x is
    geometry = source.geometry if space == source.space else None
    paired = source.given(space, c, _how(form, seed), geometry)
    return replace(
        paired, parts={name: _stamped(part, stamps.get(name)) for name, part in paired.parts.items()}
    )


def parts_of(form: Made, parts: list[str]) -> Mapping[str, Corruption]:
    """Returns the corruption of each split: the held-out noise is for test rows alone.

    Args:
        form: the form of the condition.
        parts: names of the splits.

    Raises:
        ValueError: if there is no such recording of noise, or no test split.
    """
    if not isinstance(form.corruption, Mix):
        return dict.fromkeys(parts, form.corruption)
    if not form.held_out:
        return dict.fromkeys(parts, all_of(form.corruption))
    if "test" not in parts:
        raise ValueError(
            f"condition={form.text!r} holds a noise out for the test split, and there is none: leave "
            "the name of the recording out, or keep a test split."
        )
    rest, held_out = apart(form.corruption, form.held_out)
    return {name: held_out if name == "test" else rest for name in parts}


def _stamped(part: Part, text: str | None) -> Part:
    return part if text is None else replace(part, c_stamp=_Said(text))


@dataclass(frozen=True)
class _Said:
    """Returns a text; it can be pickled."""

    text: str

    def __call__(self) -> str:
        return self.text


def _check(source: Source, form: Made) -> None:
    """Raises ValueError unless the corruption fits the rows, which have no gaps."""
    fits = form.corruption.fits(source.space)
    if not fits:
        raise unfit(form, source.name, source.space)
    if any(part.known is not None for part in source.parts.values()):
        raise ValueError(
            f"condition={form.text!r} is made from x, and {source.name} has gaps: fill them in, or leave "
            "these rows out."
        )


def unfit(form: Made, name: str, space: Space) -> Refusal:
    """Returns the error for rows that a corruption cannot take.

    Args:
        form: the form of the condition.
        name: name of the data.
        space: raw space of the rows.
    """
    # another factor of a smaller size, or another corruption
    near = [Shrink(k) for k in FACTORS] if isinstance(form.corruption, Shrink) else []
    kinds = [*near, *(kind() for kind in KINDS.values()), View()]
    usual = next((made.text for made in kinds if made.fits(space)), "label")
    one = load_with(condition=usual)
    return Refusal(
        f"condition={form.text!r} needs {form.corruption.needs}, but {name} holds {space}: load the data "
        f"with {one}.",
        one,
    )


def _how(form: Made, seed: int) -> str:
    made = form.corruption
    if not isinstance(made, Mix):
        return f"{made.text} of x (seed {seed})"
    folder = Path(made.folder).expanduser().resolve().name
    apart = f", {form.held_out} in the test split alone" if form.held_out else ""
    return f"x mixed with noise of {folder} at {made.level:g} dB{apart} (seed {seed})"


def made_of(x: Tensor, form: Made, space: Space, seed: Any) -> Tensor:
    """Returns the conditions of new rows, shape (N, *); noise that is held out for tests is theirs.

    Args:
        x: raw rows, shape (N, *).
        form: the form of the condition.
        space: raw space of x.
        seed: seed of the noise.

    Raises:
        ValueError: if the corruption does not fit the rows.
    """
    if not form.corruption.fits(space):
        raise unfit(form, "the file", space)
    return corrupted(x, parts_of(form, ["test"])["test"], space, int(seed or 0))
