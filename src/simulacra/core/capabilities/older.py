"""Methods and callbacks written for an earlier version, which work for two minor versions with a warning.

A chain took no condition: `start_chain(rng)` and `step(state, rng)`. A callback of `sample(watch=)` was
called with three arguments: (t, d, x).
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import Any

from torch import Tensor

from simulacra.core.renamed import OldName

SINCE, UNTIL = "0.2.0", "0.4.0"


def taking_condition(kind: type, name: str) -> Callable[..., Any]:
    """Returns a chain's method that takes c; one without it is wrapped, with a warning.

    The wrapped method raises a ValueError if it is given a condition, which it would not use.

    Args:
        kind: class of the model.
        name: `start_chain` or `step`.
    """
    method: Callable[..., Any] = vars(kind)[name]
    names = list(inspect.signature(method).parameters)
    if "c" in names or any(p.kind is p.VAR_KEYWORD for p in inspect.signature(method).parameters.values()):
        return method
    form = f"{kind.__name__}.{name}({', '.join([*names[1:], 'c=None'])})"
    warnings.warn(
        OldName(
            f"chains take a condition since version {SINCE}: declare {form}; "
            f"without c it works until {UNTIL}."
        ),
        stacklevel=5,
    )

    @functools.wraps(method)
    def called(self: Any, *args: Any, c: Tensor | None = None) -> Tensor:
        given = args[len(names) - 1 :]
        if c is not None or any(one is not None for one in given):
            raise ValueError(f"the chain of {kind.__name__} takes no condition: declare {form}, and use c.")
        found: Tensor = method(self, *args[: len(names) - 1])
        return found

    return called


def taking_known(watch: Callable[..., None]) -> Callable[[int, int, Tensor, Tensor], None]:
    """Returns a callback of `sample(watch=)` that takes (t, total, x, known).

    Args:
        watch: the callback; one of three arguments is wrapped, with a warning.
    """
    if _binds(watch, 4) or not _binds(watch, 3):
        return watch
    warnings.warn(
        OldName(
            f"watch= is called as watch(t, total, x, known) since version {SINCE}: take known as well; "
            f"a callback of three arguments works until {UNTIL}."
        ),
        stacklevel=6,
    )
    return lambda t, total, x, known: watch(t, total, x)


def _binds(function: Callable[..., Any], n: int) -> bool:
    """Returns True if a function can be called with n arguments by place, or does not say."""
    try:
        inspect.signature(function).bind(*range(n))
    except TypeError:
        return False
    except ValueError:
        # a function written in C has no signature
        return True
    return True
