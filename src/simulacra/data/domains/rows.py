"""Gives rows their domain: by a class, by a word of the file's name, or by what a corruption makes of half.

    x_i <- C(x_i; key(x_i, seed)) for half of the rows, drawn by seed; the others stay                  (1)

No row is in both domains, so that the data hold no pairs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from simulacra.core.corruption.corruption import Corruption, numeric
from simulacra.core.corruption.mix import Mix
from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.data.domains.form import DOMAIN, Domain, domain_of
from simulacra.data.given_columns import LABEL
from simulacra.data.pairs.made import corrupted
from simulacra.data.row_store import RowStore
from simulacra.data.sources.source import Part, Source

PLAIN = "plain"  # name of the domain of rows that stay as they are
LISTED = 8  # most names that a message lists


@dataclass(frozen=True, eq=False)
class HalfMade(RowStore):
    """Rows in files, of which a corruption acts on some, equation (1).

    Args:
        rows: the rows.
        made: True where the corruption acts, shape (N,).
        corruption: it gives rows of the same space.
        space: raw space of the rows.
        seed: seed of the noise.
    """

    rows: RowStore
    made: Tensor
    corruption: Corruption
    space: Space
    seed: int

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]
        """Shape of one row."""
        return self.rows.shape

    @property
    def dtype(self) -> torch.dtype:
        """The type of the entries."""
        return self.rows.dtype

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Tensor) -> HalfMade:
        return replace(self, rows=self.rows[index], made=self.made[index])

    def read(self, index: list[int] | range) -> Tensor:
        """Reads rows by equation (1), shape (B, *)."""
        made = self.made[torch.tensor([*index], dtype=torch.long)]
        return half_made(self.rows.read(index), made, self.corruption, self.space, self.seed)

    def digest(self) -> str:
        """Returns the digest of the rows and of what is made of them."""
        return f"{self.rows.digest()}, half by {self.corruption.text} (seed {self.seed})"

    def origins(self) -> Sequence[Path] | None:
        """Returns the file of each row."""
        return self.rows.origins()


def half_made(x: Tensor, made: Tensor, corruption: Corruption, space: Space, seed: int) -> Tensor:
    """Returns equation (1), shape of x.

    Args:
        x: raw rows, shape (N, *).
        made: True where the corruption acts, shape (N,).
        corruption: it gives rows of the same space.
        space: raw space of the rows.
        seed: seed of the noise.
    """
    y = x.clone()
    # (1)
    y[made] = corrupted(x[made], corruption, space, seed).to(x.dtype)
    return y


def label_or(condition: str | None) -> str | None:
    """Returns `label` for domains, since these are labels then, and any other condition as it is."""
    return condition if domain_of(condition) is None else LABEL


def with_domains(source: Source, condition: str | None, seed: int) -> Source:
    """Returns rows with their domains as labels; the source itself where the condition names none.

    Args:
        source: rows in their official parts.
        condition: the option `condition`.
        seed: seed of the choice of rows and of the noise.

    Raises:
        ValueError: if there are no such rows.
    """
    form = domain_of(condition)
    if form is None:
        return source
    if isinstance(form.other, Corruption):
        return _made(source, form.other, seed)
    return source if isinstance(form.other, Path) else _named(source, form)


def _made(source: Source, corruption: Corruption, seed: int) -> Source:
    fits = numeric(source.space) and not isinstance(corruption, Mix) and corruption.fits(source.space)
    if not fits or corruption.space(source.space) != source.space:
        way = load_with(condition=f"{DOMAIN}:gaussian")
        raise Refusal(
            f"condition='domain:{corruption.text}' makes the second domain of rows of "
            f"{source.name}, which hold {source.space}: load the data with {way}.",
            way,
        )
    parts = {}
    for name, part in source.parts.items():
        order = Rng(seed, DOMAIN, name).permutation("rows", len(part))
        made = torch.zeros(len(part), dtype=torch.bool)
        made[order[: len(part) // 2]] = True
        parts[name] = _half(part, made, corruption, source.space, seed)
    how = f"half of the rows by {corruption.text} (seed {seed})"
    led = replace(source, parts=parts, label_names=(PLAIN, corruption.name), applied=(*source.applied, how))
    return led.noted("domains", how)


def _half(part: Part, made: Tensor, corruption: Corruption, space: Space, seed: int) -> Part:
    if isinstance(part.rows, RowStore):
        return replace(part, rows=HalfMade(part.rows, made, corruption, space, seed), labels=made.long())
    return replace(
        part, rows=half_made(part.rows, made, corruption, space, seed), labels=made.long(), stamp=None
    )


def _named(source: Source, form: Domain) -> Source:
    """Returns the rows of two classes, or of files with two words in their names."""
    assert isinstance(form.other, tuple)
    parts, lacking = {}, []
    for name, part in source.parts.items():
        first, second = (_rows_of(source, part, word) for word in form.other)
        if bool((first & second).any()):
            raise ValueError(
                f"condition={form.text!r}: files have both words in their names, so that their domain is "
                "unknown: give words that stand in different files."
            )
        index = (first | second).nonzero()[:, 0]
        parts[name] = replace(part.take(index), labels=second[index].long())
        lacking += [word for word, rows in zip(form.other, (first, second)) if not bool(rows.any())]
    if lacking:
        raise _unknown(source, form, lacking[0])
    left = sum(map(len, source.parts.values())) - sum(map(len, parts.values()))
    led = replace(source, parts=parts, label_names=form.other)
    return led.noted("domains", f"{left:,} rows of neither are left out") if left else led


def _rows_of(source: Source, part: Part, name: str) -> Tensor:
    """Returns where rows are of a class, or else where their files have a word in their names, shape (N,)."""
    none = torch.zeros(len(part), dtype=torch.bool)
    if part.labels is not None:
        names = source.label_names or tuple(str(k) for k in range(int(part.labels.max()) + 1))
        if name in names:
            return part.labels == names.index(name)
    if "file" not in part.sides:
        return none
    return torch.tensor([name in _words(str(file)) for file in part.sides["file"]])


def _words(file: str) -> list[str]:
    return re.split(r"[\W_]+", Path(file).with_suffix("").as_posix())


def _unknown(source: Source, form: Domain, word: str) -> ValueError:
    """Returns the error for a name of which there are no rows."""
    counted: Counter[str] = Counter()
    for part in source.parts.values():
        for file in map(str, part.sides.get("file", ())):
            counted.update({*_words(file)})
    words = [found for found, times in counted.most_common() if times > 1 and not found.isdecimal()]
    known = [*source.label_names[:LISTED], *words[:LISTED]]
    has = f"; it has {', '.join(known)}" if known else ""
    return ValueError(
        f"condition={form.text!r}: a part of {source.name} has no row of {word!r}, neither as a class nor "
        f"as a word of its files{has}."
    )
