"""Combines the arguments of a constructor, including those passed on to its bases, in one signature."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator

from simulacra.cli.options.docstrings import described, function_of


def construction(kind: type) -> Callable[..., None]:
    """Returns a function whose parameters and docstring are the constructor arguments of a class.

    Args:
        kind: class whose constructor passes keywords on as `**names: Unpack[KEYWORDS]`, where KEYWORDS is a
            `TypedDict`; their defaults and descriptions are those of the base that declares them.

    Example:
        >>> from simulacra.models.variational.vae import VAE
        >>> [*inspect.signature(construction(VAE)).parameters][3:8]
        ['kl', 'kl_warmup', 'free_bits', 'seed', 'hidden']
    """
    found: dict[str, inspect.Parameter] = {}
    told: dict[str, str] = {}
    for base, parameter in _parameters(kind):
        if parameter.name not in found:
            found[parameter.name] = parameter
            told[parameter.name] = dict(described(base)).get(parameter.name, "")
    return function_of(kind.__name__, inspect.getdoc(kind) or "", found.values(), told)


def hands_on(kind: type) -> bool:
    """Returns True if a constructor passes keywords on to its bases."""
    return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(kind).parameters.values())


def _parameters(kind: type) -> Iterator[tuple[type, inspect.Parameter]]:
    """Yields each argument with the class that declares it."""
    wanted: set[str] | None = None  # all
    for base in kind.__mro__:
        if "__init__" not in vars(base):
            continue
        hints = typing.get_type_hints(vars(base)["__init__"])
        rest = None
        for parameter in list(inspect.signature(vars(base)["__init__"]).parameters.values())[1:]:
            if parameter.kind is parameter.VAR_KEYWORD:
                rest = hints[parameter.name]
            elif wanted is None or parameter.name in wanted:
                yield base, parameter.replace(kind=parameter.KEYWORD_ONLY, annotation=hints[parameter.name])
        if rest is None:
            return
        handed = set(typing.get_type_hints(typing.get_args(rest)[0]))
        wanted = handed if wanted is None else wanted & handed
