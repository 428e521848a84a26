"""Options of drawing, such as the Gibbs sweeps of a sample: declared by a model, chosen when it is sampled.

A model that has such options names a frozen dataclass as `drawing`; its `draw` takes an instance as `how`.
The fields are the keywords of `sample` and the options `--sampling.NAME` of the command line: types and
defaults are those of the fields, descriptions those of the docstring, and `__post_init__` checks ranges.
Samples with other options than the model's own are not scored as the model: scores name what differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields, replace
from typing import Any

from torch import Tensor

from simulacra.core.errors.calls import WrongCall, check_kind, kinds_of, no_such

Watch = Callable[[int, int, Tensor, Tensor], None]  # (t, total, x so far, known): after each look
# arguments that every model has
TAKEN = {
    "sample": ("n", "condition", "seed", "watch"),
    "complete": ("x", "known", "condition", "seed", "method", "point", "draws"),
}


@dataclass(frozen=True)
class Sampling:
    """Base of the options of drawing; it has none.

    Example:
        >>> @dataclass(frozen=True)
        ... class Steps(Sampling):
        ...     "Args: steps: number of steps."
        ...     steps: int = 10
        >>> Steps(4).unlike(Steps())
        {'steps': 4}
    """

    def unlike(self, usual: Sampling) -> dict[str, Any]:
        """Returns the options in which these differ from others of the same class, by name.

        Args:
            usual: options to compare with, such as the model's own.
        """
        each = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in each.items() if value != getattr(usual, name)}


def names_of(drawing: type[Sampling]) -> tuple[str, ...]:
    """Returns the names of the options of a class.

    Args:
        drawing: class of options.
    """
    return tuple(field.name for field in fields(drawing))


def options_of(kind: Any, word: str = "sample") -> type[Sampling]:
    """Returns the class of the options of drawing for a word.

    Args:
        kind: model, or its class.
        word: `complete`, or any word that draws as `sample` does.

    Example:
        >>> from simulacra import NADE, RBM
        >>> options_of(RBM).__name__, names_of(options_of(RBM, "complete"))
        ('BurnIn', ())
        >>> names_of(options_of(NADE, "complete"))
        ('temperature', 'top_k')
    """
    found: type[Sampling] = getattr(kind, "filling" if word == "complete" else "drawing", Sampling)
    return found


def in_words(options: Mapping[str, Any]) -> str:
    """Returns options as text, in the order of their names; empty for none.

    Args:
        options: values by name.

    Example:
        >>> in_words({"temperature": 0.5, "burn_in": 20})
        'burn_in=20, temperature=0.5'
    """
    return ", ".join(f"{name}={options[name]}" for name in sorted(options))


# the options under which models draw at present, by the identity of the model
_PRESENT: ContextVar[dict[int, Sampling] | None] = ContextVar("present options of drawing", default=None)


def chosen(model: Any, how: Mapping[str, Any], word: str = "sample") -> Sampling:
    """Returns the options under which a model draws: its own, or those of `drawing_with`, with others given.

    Args:
        model: model that samples.
        how: options by name, as `word` was given them.
        word: `sample`, or `complete`, which has options of its own and none of `drawing_with`.

    Raises:
        WrongCall: if the model has no such option, or a value is of another type.
        ValueError: if a value is out of range.

    Example:
        >>> from simulacra import RBM, Binary
        >>> chosen(RBM(Binary((3,)), hidden=2), {"burn_in": 5})
        BurnIn(burn_in=5)
    """
    options = options_of(model, word)
    names, kinds = names_of(options), _kinds(options)
    for name, value in how.items():
        if name not in names:
            raise WrongCall(_unknown(type(model).__name__, name, names, word))
        if name in kinds:
            check_kind(name, value, kinds[name], word)
    if word == "complete":
        usual = options()
    else:
        usual = (_PRESENT.get() or {}).get(id(model), model.sampling)
    return replace(usual, **{name: value for name, value in how.items() if value is not None})


def present_unlike(model: Any) -> dict[str, Any]:
    """Returns the options of drawing under which a model draws at present and that are not its own, by name.

    Args:
        model: any model.
    """
    now = (_PRESENT.get() or {}).get(id(model))
    return {} if now is None else now.unlike(model.sampling)


def _kinds(drawing: type[Sampling]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for base in reversed(drawing.__mro__[:-1]):
        found |= kinds_of(base)
    return found


def _unknown(model: str, name: str, names: tuple[str, ...], word: str) -> str:
    """Returns a sentence on an option that a model does not have: the nearest name, and what it has."""
    own = ", ".join(f"{option}=" for option in names)
    said = no_such(word, name, [*TAKEN[word], *names])
    does = "draws" if word == "sample" else "completes"
    return f"{said} {model} {does} {f'with {own} as an option' if own else 'without options'}."


@contextmanager
def drawing_with(model: Any, how: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Context in which a model draws with these options unless others are given; yields what differs.

    Args:
        model: model that samples.
        how: options by name.

    Raises:
        ValueError: as `chosen`.

    Example:
        >>> from simulacra import RBM, Binary
        >>> model = RBM(Binary((3,)), hidden=2)
        >>> with drawing_with(model, {"burn_in": 5}) as unlike:
        ...     unlike, chosen(model, {})
        ({'burn_in': 5}, BurnIn(burn_in=5))
    """
    if not how:
        yield {}
        return
    options = chosen(model, how)
    token = _PRESENT.set({**(_PRESENT.get() or {}), id(model): options})
    try:
        yield options.unlike(model.sampling)
    finally:
        _PRESENT.reset(token)
