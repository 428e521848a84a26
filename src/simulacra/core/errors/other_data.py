"""Suggestions in error messages: ways to load data of another kind so that a model accepts them.

A suggestion must work: it names an option of `load_data` only if these data take it, and a model only if it
takes the space. The command line writes `load the data with name='value'` as `--data.name value`.
"""

from __future__ import annotations

from typing import Any

from simulacra.core.errors.suggestion import Phrase, load_with
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.composite import Sequence, Table
from simulacra.core.spaces.plain import Binary, Levels, Space

FRAMES = "take an RNN-RBM, an RTRBM or an RNN-NADE for sequences of binary frames"
NO_FRAMES = "take a VRNN for sequences of such steps"


def as_real(space: Space) -> str:
    """Suggests a way to give these data to a model of real vectors.

    Args:
        space: space of the data.

    Example:
        >>> from simulacra import Categorical, Table, Levels, Real
        >>> as_real(Levels((2,), 4))
        "load the data with dequantize='uniform'"
        >>> as_real(Table(a=Real(), b=Categorical((), 2, ("x", "y"))))
        'its column b is a class: drop it with types=, or take a VAE'
    """
    if isinstance(space, Levels):
        one = load_with(dequantize="uniform")
        return Phrase(f"load the data with {one}", one)
    if isinstance(space, Table):
        texts = [name for name, field in space.fields if of_texts(field)]
        if not texts:
            one = load_with(types="real")
            return Phrase(f"load the data with {one}", one)
        if len(texts) == 1:
            return f"its column {texts[0]} is a class: drop it with types=, or take a VAE"
        return f"its columns {', '.join(texts[:6])} are classes: drop them with types=, or take a VAE"
    return of_discrete(space)


def of_texts(field: Space) -> bool:
    """Returns True if the field has classes whose names are not whole numbers."""
    classes = isinstance(field, (Categorical, Ordinal))
    return classes and not all(name.removeprefix("-").isdecimal() for name in getattr(field, "names", ("",)))


def of_discrete(space: Space) -> str:
    """Suggests a model for data that are not real."""
    if isinstance(space, Sequence):
        return FRAMES if isinstance(space.of, Binary) else NO_FRAMES
    return "take an RBM" if isinstance(space, Binary) else "a VAE takes such data"


def check_one_array(given: Any) -> None:
    """Raises ValueError, with what to call instead, for an array of rows with another one of labels.

    Args:
        given: what `load_data` was given.
    """
    pair = isinstance(given, list | tuple) and len(given) == 2
    parts = list(given.values()) if type(given) is dict else list(given) if pair else []
    shapes = [tuple(shape) for part in parts if (shape := getattr(part, "shape", None)) is not None]
    rows = [shape for shape in shapes if len(shape) > 1]
    if not rows or (pair and len({len(shape) for shape in shapes}) < 2):
        return
    listed = " and ".join(map(str, shapes[:2]))
    raise ValueError(
        f"load_data takes one array or columns of one number each, but got arrays of shapes {listed}: give "
        f"rows with their labels as from_tensors(x, Real({rows[0][1:]}), labels=y)."
    )
