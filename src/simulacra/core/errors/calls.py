"""The boundary of the public functions: arguments are checked against the signature before anything runs.

The signature says which arguments there are, which must be given, and of what kind each is. One check reads
it for functions, methods, options and constructors of models. A wrong call is answered by one sentence that
names the argument, what was given, what is possible, and what to give instead.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

from simulacra.core.errors.kinds import brief, fits, phrase, suggestion

C = TypeVar("C", bound=Callable[..., Any])
LISTED = 24  # names that a sentence lists


class WrongCall(ValueError, TypeError):
    """A call with an argument that is unknown, missing or of another kind.

    It is a `ValueError`, as every error for users, and also the `TypeError` that Python would raise.
    """


def checked(callee: C) -> C:
    """A function, method or class of options that refuses a wrong call in one sentence.

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
        callee.__init__ = _checking(callee.__init__, callee.__name__)  # type: ignore[misc]
        return callee
    return cast(C, _checking(callee, callee.__name__))


def _checking(function: Callable[..., Any], name: str) -> Callable[..., Any]:
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
    """Raise WrongCall unless the arguments fit the signature and the kinds of its parameters.

    Args:
        name: of what is called.
        kinds: gives the annotations, by name; those of other names are not looked at.
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
    """Raise WrongCall unless the argument `key` of `callee` is of this kind."""
    if not fits(value, kind):
        end = suggestion(value, kind, callee)
        raise WrongCall(f"{key} is {brief(value)}, but it must be {phrase(kind)}{end}")


def _why_unbound(
    name: str, signature: inspect.Signature, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> str:
    """Which argument is unknown, missing or one too many."""
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
    """The sentence for an argument that does not exist, with the nearest one or all.

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
    """The annotations of a function's parameters, or of a class, that can be read, by name."""
    function = inspect.unwrap(function)
    names = vars(sys.modules[function.__module__])
    found = {}
    for name, annotation in inspect.get_annotations(function).items():
        try:
            found[name] = eval(annotation, dict(names)) if isinstance(annotation, str) else annotation
        except (NameError, AttributeError, TypeError):
            # imported for type checkers only: such a kind is not judged
            continue
    found.pop("return", None)
    return found


@functools.cache
def constructed(kind: type) -> dict[str, Any]:
    """The annotations of a constructor's arguments, those that it hands on to its bases included."""
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
