"""`Dataset` and `Split`: the rows of a data set with conditions, labels, masks, digest and preprocessing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import torch
from torch import Tensor

from simulacra.core.batch import Batch
from simulacra.core.card import html_of
from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.core.numerics.precision import to_device
from simulacra.core.preprocessing.chain import Preprocessing
from simulacra.core.random.keyed import Rng
from simulacra.core.scores.estimate import Protocol
from simulacra.core.spaces.composite import Sequence
from simulacra.core.spaces.plain import Space
from simulacra.data.sources.content import add_to_hash, hash_of_values
from simulacra.data.sources.source_rows import SourceRows

# the option of loading that makes a split, and its usual share
SHARES, SHARE = {"valid": "validation", "test": "test"}, 0.1


@dataclass(repr=False)
class Split:
    """Rows in memory, in their own (integer) type; preprocessing happens batch by batch.

    Args:
        x: raw observations, shape (N, *).
        preprocessing: maps the raw space to the model's space.
        c: conditions, shape (N, *), or None.
        labels: class numbers for plots and measures, shape (N,), or None; an unconditional model never sees
            them.
        known: True where an entry of x is observed, shape (N, *), or None: all are.
        c_known: True where the condition is observed, shape (N,), or None.
        lengths: number of valid steps of each ragged sequence, shape (N,), or None.
        source_rows: the numbers of these rows in their source, or None if unknown.
        conditioning: maps raw conditions to the model's condition space; None: they are used as they are.

    Example:
        >>> import simulacra
        >>> train = simulacra.load_data("digits").train
        >>> len(train), train.rows(torch.tensor([0, 2])).x.shape
        (1437, torch.Size([2, 1, 8, 8]))
    """

    x: Tensor
    preprocessing: Preprocessing
    c: Tensor | None = None
    labels: Tensor | None = None
    known: Tensor | None = None
    c_known: Tensor | None = None
    lengths: Tensor | None = None
    source_rows: SourceRows | None = None
    conditioning: Preprocessing | None = None
    _stamp: Callable[[], str] | None = field(default=None, init=False, repr=False, compare=False)
    _c_stamp: Callable[[], str] | None = field(default=None, init=False, repr=False, compare=False)
    _digest: str | None = field(default=None, init=False, repr=False, compare=False)
    _content: str | None = field(default=None, init=False, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        return f"<Split: {len(self):,} rows of {self.preprocessing.raw}>"

    def _repr_html_(self) -> str:
        return html_of(self)

    def read(self, orders: Iterable[Tensor]) -> Iterator[Batch]:
        """Yields raw batches, one for each index tensor.

        Args:
            orders: numbers of the rows of each batch, shape (B,).
        """
        for index in orders:
            yield self.rows(index)

    def rows(self, index: Tensor) -> Batch:
        """Returns raw rows as a batch.

        Args:
            index: numbers of the rows, shape (B,).
        """
        # rows in double precision may lie on another device than the rest
        take = lambda t: None if t is None else t.index_select(0, index.to(t.device))
        known, lengths = take(self.known), take(self.lengths)
        if lengths is not None:
            # padded steps count as unknown entries
            known = cast(Sequence, self.preprocessing.raw).valid(lengths)
        x = self.x.index_select(0, index.to(self.x.device))
        return Batch(
            x,
            take(self.c),
            known,
            take(self.c_known),
            lengths,
            rows=range(len(index)),
            index=index.to(x.device),
        )

    def prepare(self, batch: Batch, rng: Rng) -> Batch:
        """Preprocesses a raw batch: x, and its conditions.

        Args:
            batch: raw rows, as `rows` returns them.
            rng: its noise is keyed by the batch's rows.
        """
        return self._prepared(batch, rng.on(batch))

    def conditions(self, batch: Batch, device: torch.device | str) -> Tensor | None:
        """Returns the conditions of raw rows in the model's condition space, or None without conditions.

        Args:
            batch: raw rows, as `rows` returns them.
            device: device of the model.
        """
        if batch.c is None or self.conditioning is None:
            return batch.c
        return self.conditioning.of_condition(batch.c, device)

    def _prepared(self, batch: Batch, rng: Rng) -> Batch:
        x = self.preprocessing.apply(batch.x, rng, batch.known)
        return replace(batch, x=x, c=self.conditions(batch, x.device))

    def batch(self, index: Tensor, rng: Rng) -> Batch:
        """Returns rows as a batch, preprocessed.

        Args:
            index: numbers of the rows, shape (B,).
            rng: its noise is keyed by the place of a row in the batch, as in training.
        """
        return self.prepare(self.rows(index), rng)

    def scored(self, index: Tensor, rng: Rng) -> Batch:
        """Returns rows as a batch, preprocessed for scoring: a row gets the same noise in any batch.

        Args:
            index: numbers of the rows, shape (B,).
            rng: its noise is keyed by the content of each row.
        """
        batch = self.rows(index)
        return self._prepared(batch, rng.by_content(batch.x, batch.known))

    def all(self, seed: int = 0) -> Batch:
        """Returns all rows, preprocessed with noise keyed by row, for closed-form fits and tests.

        Args:
            seed: seed of random preprocessing.
        """
        return self.batch(torch.arange(len(self)), Rng(seed, "all"))

    def select(self, index: Tensor) -> Split:
        """Returns a split with only some rows.

        Args:
            index: numbers of the rows, shape (B,).
        """
        rows = self.rows(index)
        labels = None if self.labels is None else self.labels[index]
        return replace(
            self,
            x=rows.x,
            c=rows.c,
            labels=labels,
            known=None if self.known is None else rows.known,
            c_known=rows.c_known,
            lengths=rows.lengths,
            source_rows=None if self.source_rows is None else self.source_rows[index],
        )

    def to(self, device: torch.device | str) -> Split:
        """Returns the split with its tensors on a device.

        Args:
            device: where the tensors go.
        """
        moved: dict[str, Any] = {
            name: to_device(value, device)
            for name, value in vars(self).items()
            if isinstance(value, Tensor) and name not in ("labels", "x", "c")
        }
        moved["x"] = self.preprocessing.held(self.x, device)
        moved["c"] = self.held_conditions(self.c, device)
        return self._same_rows(replace(self, **moved))

    def held_conditions(self, c: Tensor | None, device: torch.device | str) -> Tensor | None:
        """Moves raw conditions to `device`, as `Preprocessing.held` moves rows.

        Args:
            c: raw conditions, or None.
            device: device of the model.
        """
        if c is None or self.conditioning is None:
            return None if c is None else to_device(c, device)
        return self.conditioning.held(c, device)

    def under(self, chain: Preprocessing, conditioning: Preprocessing | None = None) -> Split:
        """Returns the same rows with another preprocessing.

        Args:
            chain: preprocessing of the same raw space.
            conditioning: preprocessing of the conditions; None: that of the split.
        """
        given = conditioning or self.conditioning
        return self._same_rows(replace(self, preprocessing=chain, conditioning=given))

    def _same_rows(self, other: Split) -> Split:
        other._stamp, other._digest, other._content = self._stamp, self._digest, self._content
        other._c_stamp = self._c_stamp
        return other

    def stamped(self, stamp: Callable[[], str] | None, c_stamp: Callable[[], str] | None = None) -> Split:
        """Replaces the values of x by `stamp()` in the digest, such as the hash of the files.

        The digest is then the same whether the rows are in memory or streamed.

        Args:
            stamp: returns the digest of x; None: that of its values.
            c_stamp: the same of the conditions.
        """
        self._stamp, self._c_stamp, self._digest = stamp, c_stamp, None
        return self

    def digest(self) -> str:
        """Returns the SHA-256 over values, shapes and types; computed once."""
        if self._digest is None:
            h = hashlib.sha256()
            if self._stamp is not None:
                h.update(self._stamp().encode())
            if self._c_stamp is not None:
                h.update(f"c:{self._c_stamp()}".encode())
            c = None if self._c_stamp is not None else self.c
            for t in (self._hashed_x(), c, self.known, self.c_known, self.lengths):
                add_to_hash(h, t)
            self._digest = h.hexdigest()
        return self._digest

    def content(self) -> str:
        """Returns the SHA-256 over values and row numbers, whatever type and file hold them."""
        if self._content is None:
            h = hash_of_values(self._blocks(), len(self), self.preprocessing.raw)
            self._hash_conditions(h)
            for t in (self.known, self.c_known, self.lengths):
                add_to_hash(h, t)
            rows = "" if self.source_rows is None else f":{self.source_rows.digest()}"
            own = h.hexdigest()
            self._content = hashlib.sha256(f"{own}{rows}".encode()).hexdigest() if rows else own
        return self._content

    def _blocks(self) -> Iterator[Tensor]:
        """Yields the raw rows, block by block."""
        yield self.x

    def _hash_conditions(self, h: Any) -> None:
        """Hashes type, shape and values of the conditions."""
        add_to_hash(h, self.c)

    def identity(self) -> str:
        """Returns the SHA-256 over the digest and the row numbers; different splits have different ones."""
        if self.source_rows is None:
            return self.digest()
        return hashlib.sha256(f"{self.digest()}:{self.source_rows.digest()}".encode()).hexdigest()

    def _hashed_x(self) -> Tensor | None:
        return None if self._stamp is not None else self.x


@dataclass(repr=False)
class Dataset:
    """Named splits, with their preprocessing, condition, class names and origin.

    Args:
        name: a short name, such as `digits`.
        splits: those of `train`, `valid` and `test` that exist.
        preprocessing: maps the raw space to `space`.
        condition: the space in which a model sees c, or None for unconditional data.
        label_names: names of the classes.
        spec: the name and options with which `load_data` loads it again.
        applied: changes made once to the raw rows at loading, such as `static binarization (seed 0)`; part of
            the protocol.
        truth: the toy distribution that the rows were drawn from, with `log_density`, or None.
        notes: notes for the user on how the data were read, by topic.
        conditioning: maps raw conditions to `condition`; None: conditions are used as they are.

    Raises:
        ValueError: if `conditioning` leads to another space, or draws noise.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("digits")
        >>> data.space, list(data.splits)
        (Levels(shape=(1, 8, 8), levels=17), ['train', 'valid', 'test'])
    """

    name: str
    splits: dict[str, Split]
    preprocessing: Preprocessing
    condition: Space | None = None
    label_names: tuple[str, ...] = ()
    spec: dict[str, Any] = field(default_factory=dict)
    applied: tuple[str, ...] = ()
    truth: Any = field(default=None, compare=False)
    notes: Mapping[str, str] = field(default_factory=dict, compare=False)
    conditioning: Preprocessing | None = None

    def __post_init__(self) -> None:
        chain = self.conditioning
        if chain is None:
            self.conditioning = None if self.condition is None else Preprocessing(self.condition)
        elif chain.random or chain.space != self.condition:
            raise ValueError(
                f"the preprocessing of the condition of {self.name} ({chain.label}) leads to {chain.space}"
                f"{' with noise' if chain.random else ''}: it must lead to {self.condition} without noise."
            )
        elif not chain.plain and any(split.conditioning != chain for split in self.splits.values()):
            self.splits = {k: split.under(split.preprocessing, chain) for k, split in self.splits.items()}

    @property
    def space(self) -> Space:
        """The space of the preprocessed rows, in which a model is defined."""
        return self.preprocessing.space

    def __getitem__(self, split: str) -> Split:
        if split not in self.splits:
            raise self._no_split(split)
        return self.splits[split]

    def _no_split(self, split: str) -> Refusal:
        """Returns the error for an absent split: the present ones, and the option that makes it."""
        said = f"{self.name} has no split {split!r}; it has {', '.join(self.splits)}"
        option, rows = SHARES.get(split), len(self.splits.get("train", ()))
        if option is None or rows < 2:
            return Refusal(f"{said}: choose one of these.")
        way = load_with(**{option: SHARE if round(SHARE * rows) else 1})
        return Refusal(
            f"{said}: choose one of these, or to train with a {option} split load the data with {way}.", way
        )

    @property
    def train(self) -> Split:
        """The training rows."""
        return self["train"]

    @property
    def valid(self) -> Split | None:
        """The validation rows, or None."""
        return self.splits.get("valid")

    @property
    def test(self) -> Split:
        """The test rows."""
        return self["test"]

    def under(self, chain: Preprocessing, conditioning: Preprocessing | None = None) -> Dataset:
        """Returns these data with the preprocessing of a model that was trained on other data.

        The data are unchanged if their preprocessing is the same already, or the model's does not fit them.

        Args:
            chain: the model's preprocessing.
            conditioning: the model's preprocessing of the condition, used where the raw conditions are of its
                space; None: that of the data.
        """
        own = self.preprocessing
        whole = own if chain.steps == own.steps or not chain.fits(own) else replace(chain, raw=own.raw)
        given, mine = conditioning, self.conditioning
        if given is None or mine is None or given.steps == mine.steps or given.raw != mine.raw:
            given = mine
        if whole is own and given is mine:
            return self
        splits = {name: split.under(whole, given) for name, split in self.splits.items()}
        condition = None if given is None else given.space
        return replace(self, splits=splits, preprocessing=whole, conditioning=given, condition=condition)

    def protocol(self, split: str) -> Protocol:
        """Returns the protocol of a score on `split`: data, split, scored space and preprocessing."""
        steps = self.preprocessing.steps
        lossy = [step for step in steps if step.lossy]
        scored = self.space if lossy else self.preprocessing.raw
        label = ", ".join([*self.applied, *(step.label for step in lossy)]) or "raw"
        data = self[split].content() + "".join(step.mark for step in lossy)
        return Protocol(data, self.name, split, str(scored), label)

    def __str__(self) -> str:
        counts = ", ".join(f"{len(rows):,} {name}" for name, rows in self.splits.items())
        condition = f" given {self.condition}" if self.condition else ""
        steps = [*self.applied, *(step.label for step in self.preprocessing.steps)]
        return f"{self.name}: {counts}; {self.space}{condition}; {', '.join(steps) or 'raw'}"

    def __repr__(self) -> str:
        return f"<Dataset {self}>"

    def _repr_html_(self) -> str:
        return html_of(self)
