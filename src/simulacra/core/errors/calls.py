"""Validation of calls to public functions: arguments are checked against the signature before anything runs.

The signature declares the arguments, which of them are required, and their types. One check reads it for
functions, methods, options and constructors of models. A wrong call raises an error of one sentence that
names the argument, the given value, the possible values, and a correction.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

from simulacra.core.errors.argument_types import brief, fits, phrase, suggestion

C = TypeVar("C", bound=Callable[..., Any])
LISTED = 24  # most names in one message


class WrongCall(ValueError, TypeError):
    """Raised for a call with an argument that is unknown, missing or of the wrong type.

    It is a `ValueError`, as every error for users, and also the `TypeError` that Python would raise.
    """


def checked(callee: C) -> C:
    """Decorates a function, method or class of options, so that a wrong call raises `WrongCall`.

    Args:
        callee: function or class; its annotations declare the types.

    Example:
        >>> @checked
        ... def draw(n: int, seed: int = 0): ...
        >>> draw(2.5)
        Traceback (most recent call last):
        simulacra.core.errors.calls.WrongCall: n is 2.5, but it must be a whole number: give 2.
        >>> draw(3, sed=1)
        Traceback (most recent call last):
        simulacra.core.errors.calls.WrongCall: draw takes no sed=; did you mean seed=?
    """
    if isinstance(callee, type):
        callee.__init__ = _with_checks(callee.__init__, callee.__name__)  # type: ignore[misc]
        return callee
    return cast(C, _with_checks(callee, callee.__name__))


def _with_checks(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    signature = inspect.signature(function)

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        check_call(name, signature, args, kwargs, lambda: kinds_of(function))
        return function(*args, **kwargs)

    return called


def check_call(
    name: str,
    signature: inspect.Signature,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    kinds: Callable[[], Mapping[str, Any]],
) -> None:
    """Checks arguments against a signature and the types of its parameters.

    Args:
        name: name of the called function, for messages.
        signature: its signature.
        args: positional arguments.
        kwargs: keyword arguments.
        kinds: function that returns the annotations by name; arguments without one are not checked.

    Raises:
        WrongCall: if the arguments do not fit.
    """
    try:
        given = signature.bind(*args, **kwargs).arguments
    except TypeError as error:
        raise WrongCall(_why_unbound(name, signature, args, kwargs)) from error
    of, parameters = kinds(), signature.parameters
    rest = next((p.name for p in parameters.values() if p.kind is p.VAR_KEYWORD), None)
    for key, value in {**given, **given.get(rest or "", {})}.items():
        usual = parameters[key].default if key in parameters else None
        if key in of and key != rest and value is not usual:
            check_kind(key, value, of[key], name)


def check_kind(key: str, value: Any, kind: Any, callee: str) -> None:
    """Checks the type of one argument.

    Args:
        key: name of the argument.
        value: its value.
        kind: its annotation.
        callee: name of the called function, for the message.

    Raises:
        WrongCall: if the value is of another type.
    """
    if not fits(value, kind):
        end = suggestion(value, kind, callee)
        raise WrongCall(f"{key} is {brief(value)}, but it must be {phrase(kind)}{end}")


def _why_unbound(
    name: str, signature: inspect.Signature, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> str:
    """Returns a sentence that names the unknown, missing or surplus argument."""
    parameters = [p for p in signature.parameters.values() if p.name != "self"]
    names = [p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    unknown = next((key for key in kwargs if key not in names), None)
    if unknown is not None and not any(p.kind is p.VAR_KEYWORD for p in parameters):
        return no_such(name, unknown, names)
    placed = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    n = len(args) - ("self" in signature.parameters)
    if n > len(placed):
        listed = ", ".join(placed)
        return f"{name} takes at most {len(placed)} arguments by place ({listed}): name the others."
    if twice := [key for key in placed[:n] if key in kwargs]:
        return f"{name} got {twice[0]} by place and as {twice[0]}=: leave one of them out."
    needed = [p.name for p in parameters if p.default is p.empty and p.name in names]
    missing = next(key for key in needed if key not in kwargs and key not in placed[:n])
    return f"{name} needs {missing}: call it as {name}({', '.join(needed)})."


def no_such(name: str, unknown: str, names: Iterable[str]) -> str:
    """Returns a sentence on an unknown argument, with the most similar name or all names.

    Args:
        name: name of the called function.
        unknown: name of the unknown argument.
        names: names of all arguments.

    Example:
        >>> no_such("fit", "epoch", ["epochs", "seed"])
        'fit takes no epoch=; did you mean epochs=?'
    """
    names = list(names)
    near = difflib.get_close_matches(unknown, names, 1, 0.6)
    listed = ", ".join(f"{known}=" for known in names[:LISTED]) or "nothing"
    return f"{name} takes no {unknown}=; {f'did you mean {near[0]}=?' if near else f'it takes {listed}.'}"


@functools.cache
def kinds_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Returns the evaluated annotations of a function's parameters, or of a class's fields, by name."""
    function = inspect.unwrap(function)
    names = vars(sys.modules[function.__module__])
    found = {}
    for name, annotation in inspect.get_annotations(function).items():
        try:
            found[name] = eval(annotation, dict(names)) if isinstance(annotation, str) else annotation
        except (NameError, AttributeError, TypeError):
            # a name imported for type checkers only: such arguments are not checked
            continue
    found.pop("return", None)
    return found


@functools.cache
def constructed(kind: type) -> dict[str, Any]:
    """Returns the annotations of a constructor's arguments, including those passed on to its base classes."""
    found: dict[str, Any] = {}
    for base in kind.__mro__:
        own = vars(base).get("__init__")
        if own is None or not base.__module__.startswith("simulacra."):
            continue
        names = inspect.signature(own).parameters
        kinds = kinds_of(own)
        found = {**{name: kinds.get(name, Any) for name in list(names)[1:]}, **found}
        if not any(p.kind is p.VAR_KEYWORD for p in names.values()):
            break
    return found
