"""Composite spaces: ragged sequences of steps, and tables of named fields of different kinds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from simulacra.core.renamed import SPACES, present
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.numeric import Grid, Numeric, Scores
from simulacra.core.spaces.plain import Binary, Count, Levels, Positive, Real, Space
from simulacra.core.spaces.tokens import Tokens

BRIEF = 6  # most fields that are printed one by one


@dataclass(frozen=True)
class Sequence(Space):
    """Ragged sequences of steps of the space `of`, padded to `steps` steps.

    Batches carry `lengths`; steps beyond a row's length are padding and do not count.

    Args:
        shape: (T,), to which the shape of a step is appended, or the whole shape.
        of: space of one step.

    Raises:
        ValueError: if the shape does not end in that of a step.

    Example:
        >>> space = Sequence((3,), of=Binary((2,)))
        >>> space.shape, space.valid(torch.tensor([1]))[0, :, 0].tolist()
        ((3, 2), [True, False, False])
    """

    of: Space = Binary((1,))

    def __post_init__(self) -> None:
        super().__post_init__()
        shape = (*self.shape, *self.of.shape) if len(self.shape) == 1 else self.shape
        if shape[1:] != self.of.shape:
            raise ValueError(f"a sequence of shape {shape} cannot have steps of {self.of}: give (T,).")
        object.__setattr__(self, "shape", shape)

    @property
    def steps(self) -> int:
        """Number of steps of the longest sequence."""
        return self.shape[0]

    @property
    def discrete(self) -> bool:  # type: ignore[override]
        """True if a step is discrete."""
        return self.of.discrete

    @property
    def likelihoods(self) -> tuple[str, ...]:  # type: ignore[override]
        """Likelihoods of a step, for heads with `stepwise=True`."""
        return self.of.likelihoods

    @property
    def features_shape(self) -> tuple[int, ...]:
        """Steps, then the features of one step."""
        return (self.steps, *self.of.features_shape)

    def features(self, x: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Returns the features of each step, shape (B, T, *).

        Args:
            x: padded sequences, shape (B, *shape).
            dtype: floating-point type; None: torch's default.
        """
        return self._stepwise(lambda step: self.of.features(step, dtype), x)

    def from_features(self, f: Tensor) -> Tensor:
        """Maps the features of each step to its units.

        Args:
            f: features, shape (B, T, *).
        """
        return self._stepwise(self.of.from_features, f)

    def features_known(self, known: Tensor) -> Tensor:
        """Returns the mask of each step's features.

        Args:
            known: booleans, shape (B, *shape).
        """
        return self._stepwise(self.of.features_known, known)

    def filled(self, x: Tensor, known: Tensor) -> Tensor:
        """Returns x with the placeholder of a step where `known` is False.

        Args:
            x: padded sequences, shape (B, *shape).
            known: booleans, shape of x.
        """
        return self._stepwise(self.of.filled, x, known)

    def valid(self, lengths: Tensor) -> Tensor:
        """Returns a mask of the steps before the end of each row.

        Args:
            lengths: number of steps of each row, shape (B,).

        Returns:
            booleans, shape (B, *shape).
        """
        t = torch.arange(self.steps, device=lengths.device)
        before = (t < lengths.unsqueeze(1)).view(-1, self.steps, *[1] * (len(self.shape) - 1))
        return before.expand(-1, *self.shape)

    def lengths_of(self, known: Tensor, model: str) -> Tensor:
        """Returns the lengths of rows from a mask as `valid` makes it, shape (B,).

        Args:
            known: booleans, shape (B, *shape).
            model: name of the model, for the message.

        Raises:
            ValueError: if a row misses other entries than its last steps.
        """
        lengths = known.reshape(*known.shape[:2], -1).all(2).sum(1)
        if not torch.equal(self.valid(lengths), known):
            raise ValueError(
                f"{model} cannot leave out single entries or steps in the middle of a sequence, only the "
                "last steps of a row: give lengths=, or sequences of their own lengths."
            )
        return lengths

    def _stepwise(self, change: Callable[..., Tensor], *rows: Tensor) -> Tensor:
        """Applies `change` to all steps at once and returns the result, shape (B, T, *)."""
        # shape[0], not len: it stays open when the function is exported
        return change(*(x.flatten(0, 1) for x in rows)).unflatten(0, (rows[0].shape[0], rows[0].shape[1]))

    def _check_support(self, x: Tensor, name: str) -> None:
        self.of.check(x.flatten(0, 1), name)


@dataclass(frozen=True, init=False, repr=False)
class Table(Space):
    """The product of named fields, each of its own kind: a table with one column for each scalar field.

    An observation is a vector of the fields' entries in order, so x has shape (B, d); classes
    are stored as their numbers. The measure is the product of the fields' measures.

    Args:
        named: all fields in a mapping, for names that are not Python identifiers.
        fields: further fields by keyword.

    Raises:
        ValueError: if there is no field.

    Example:
        >>> space = Table(age=Real(), sex=Categorical((), 2, ("f", "m")))
        >>> space.shape, space.features(torch.tensor([[30.0, 1.0]])).tolist()
        ((2,), [[30.0, 0.0, 1.0]])
    """

    fields: tuple[tuple[str, Space], ...] = ()

    def __init__(self, named: Mapping[str, Space] | None = None, /, **fields: Space):
        every = {**(named or {}), **fields}
        if not every:
            raise ValueError("Table() has no field: name at least one, such as Table(age=Real()).")
        object.__setattr__(self, "fields", tuple(every.items()))
        object.__setattr__(self, "shape", (sum(space.dims for space in every.values()),))

    def __repr__(self) -> str:
        return f"Table({', '.join(f'{name}={_brief(space)}' for name, space in self.fields)})"

    def __str__(self) -> str:
        kinds = Counter(type(space).__name__.lower() for _, space in self.fields)
        many = ", ".join(f"{n} {kind}" for kind, n in kinds.items())
        return repr(self) if len(self.fields) <= BRIEF else f"Table({len(self.fields)}: {many})"

    @property
    def discrete(self) -> bool:  # type: ignore[override]
        """True if every field is discrete."""
        return all(space.discrete for _, space in self.fields)

    @property
    def likelihoods(self) -> tuple[str, ...]:  # type: ignore[override]
        """A single likelihood, which combines those of the fields."""
        return ("fields",)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the fields, in order."""
        return tuple(name for name, _ in self.fields)

    @property
    def widths(self) -> list[int]:
        """Number of entries of each field."""
        return [space.dims for _, space in self.fields]

    @property
    def features_shape(self) -> tuple[int, ...]:
        """Number of features of all fields, as a shape."""
        return (sum(math.prod(space.features_shape) for _, space in self.fields),)

    def parts(self, x: Tensor) -> list[Tensor]:
        """Splits rows into their fields, each of shape (B, *) of its own space.

        Args:
            x: rows, shape (B, d).
        """
        pieces = x.split(self.widths, 1)
        return [
            piece.unflatten(1, s.shape) if s.shape else piece.squeeze(1) for piece, s in self._with(pieces)
        ]

    def _with(self, pieces: Any) -> list[tuple[Tensor, Space]]:
        return [(piece, space) for piece, (_, space) in zip(pieces, self.fields)]

    def joined(self, parts: list[Tensor]) -> Tensor:
        """Concatenates fields of their own shapes to rows of shape (B, d); the inverse of `parts`.

        Args:
            parts: fields, each of shape (B, *) of its own space.
        """
        # shape[0], not len: it stays open when the function is exported
        return torch.cat([part.reshape(part.shape[0], -1) for part in parts], 1)

    @cached_property
    def scored(self) -> tuple[Grid, Tensor] | None:
        """Cells and positions of all columns of normal scores; None if there is none."""
        starts = torch.tensor([0, *self.widths], device="cpu").cumsum(0).tolist()
        found = [(j, s) for j, (_, s) in zip(starts, self.fields) if isinstance(s, Scores) and not s.shape]
        if not found:
            return None
        places, columns = zip(*found)
        return Grid(columns), torch.tensor(places, device="cpu")

    def features(self, x: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Returns the features of the fields, concatenated, shape (B, features).

        Args:
            x: rows, shape (B, d).
            dtype: floating-point type; None: torch's default.
        """
        scores: list[Tensor] = []
        if self.scored is not None:
            # all columns at once, which costs as much as one
            grid, places = self.scored
            f = grid.features(x[:, places.to(x.device)].to(dtype or torch.get_default_dtype()))
            if len(places) == x.shape[1]:
                return f
            scores = list(f.unbind(1))[::-1]
        one = lambda s: isinstance(s, Scores) and not s.shape
        return self.joined(
            [scores.pop() if one(s) else s.features(part, dtype) for part, s in self._with(self.parts(x))]
        )

    def from_features(self, f: Tensor) -> Tensor:
        """Maps the features of each field to its units, shape (B, d).

        Args:
            f: features, shape (B, features).
        """
        sizes = [math.prod(space.features_shape) for _, space in self.fields]
        pieces = self._with(f.split(sizes, 1))
        parts = [s.from_features(piece.reshape(f.shape[0], *s.features_shape)) for piece, s in pieces]
        return self.joined([part.to(f.dtype) for part in parts])

    def features_known(self, known: Tensor) -> Tensor:
        """Returns the mask of each field's features, shape (B, features).

        Args:
            known: booleans, shape (B, d).
        """
        return self.joined([s.features_known(part) for part, s in self._with(self.parts(known))])

    def filled(self, x: Tensor, known: Tensor) -> Tensor:
        """Returns x with the placeholder of each field where `known` is False.

        Args:
            x: rows, shape (B, d).
            known: booleans, shape of x.
        """
        stands = [torch.full((1, s.dims), s.placeholder, dtype=x.dtype) for _, s in self.fields]
        return torch.where(known, x, torch.cat(stands, 1).to(x.device))

    def spec(self) -> dict[str, Any]:
        """Returns the fields as JSON, in order."""
        return {"kind": "Table", "fields": {name: space.spec() for name, space in self.fields}}

    def _check_support(self, x: Tensor, name: str) -> None:
        for part, (field, space) in zip(self.parts(x), self.fields):
            space.check(part, f"{name}, field {field!r},")


def _brief(space: Space) -> str:
    """Returns a short description of a field."""
    classes = getattr(space, "classes", getattr(space, "levels", None))
    inner = [str(space.shape)] if space.shape else []
    return f"{type(space).__name__}({', '.join([*inner, *([str(classes)] if classes else [])])})"


KINDS: dict[str, type[Space]] = {
    kind.__name__: kind
    for kind in (
        *(Binary, Levels, Real, Audio, Positive, Count, Categorical, Ordinal, Sequence, Table),
        *(Numeric, Scores, Tokens),
    )
}


def is_real(space: Space) -> bool:
    """Returns True if all entries of the space are real.

    Args:
        space: space of one observation.
    """
    if isinstance(space, Table):
        return all(isinstance(field, Real) for _, field in space.fields)
    return isinstance(space, Real)


def space_from(spec: dict[str, Any]) -> Space:
    """Returns the space that `Space.spec` described.

    Args:
        spec: JSON of the space.

    Raises:
        ValueError: if the kind is unknown.
    """
    kind = present([SPACES], str(spec.get("kind")), quiet=True)
    if kind not in KINDS:
        raise ValueError(f"space kind {spec.get('kind')!r} is unknown; known are {', '.join(KINDS)}.")
    if kind == "Table":
        return Table({name: space_from(field) for name, field in spec["fields"].items()})
    values: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in spec.items() if k != "kind"
    }
    if "of" in values:
        values["of"] = space_from(values["of"])
    return KINDS[kind](**values)
