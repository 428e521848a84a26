"""Builds a model on the `meta` device, with shapes but without storage, as fast as its constructor.

torch computes many shapes on `meta` with decompositions in Python, and the first of them imports its
compiler (`torch._dynamo`, 1.5 s of CPU; `sympy`, 0.2 s). The rules here cover the operations that
constructors use:

    pointwise         the shapes broadcast; the type is that of the operation on single entries
    random, in place  the tensor itself
    factories, cat    an empty tensor of the shape that the arguments give

Operations without a rule use torch's own implementation, which gives the same result more slowly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

META = torch.device("meta")


@contextmanager
def shapes_alone() -> Iterator[None]:
    """Context in which all new tensors have shape and type but no storage.

    Example:
        >>> with shapes_alone():
        ...     layer = torch.nn.Linear(10**6, 10**6)
        >>> layer.weight.shape, layer.weight.is_meta
        (torch.Size([1000000, 1000000]), True)
    """
    with META, _Rules():
        yield


class _Rules(TorchDispatchMode):
    """Applies the rule of an operation on `meta`, or torch's own implementation if there is none."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Returns False: otherwise torch imports its compiler to exclude `__torch_dispatch__`."""
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        rule = _rule(func, args, kwargs)
        answer = None if rule is None else rule(func, args, kwargs)
        return func(*args, **kwargs) if answer is None else answer


Rule = Callable[[Any, Sequence[Any], Mapping[str, Any]], Any]


def _rule(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Rule | None:
    name = func.overloadpacket.__name__
    if name in FACTORIES:
        return FACTORIES[name] if kwargs.get("device") == META else None
    if name == "cat":
        return _cat if all(_on_meta(t) for t in args[0]) else None
    if not (args and _on_meta(args[0])):
        return None
    if name.endswith("_"):
        own = torch.Tag.pointwise in func.tags or torch.Tag.nondeterministic_seeded in func.tags
        return _in_place if own else None
    return RULES.get(name) or (_pointwise if torch.Tag.pointwise in func.tags else None)


def _on_meta(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_meta


def _empty(shape: Sequence[int], dtype: torch.dtype | None) -> Tensor:
    return torch.empty(tuple(shape), dtype=dtype, device=META)


def _broadcast(shapes: Sequence[Sequence[int]]) -> tuple[int, ...] | None:
    """Returns the broadcast shape, or None if shapes do not fit; torch's own function imports sympy."""
    dims = max(map(len, shapes))
    columns = [set(sizes) - {1} for sizes in zip(*((1,) * (dims - len(s)) + tuple(s) for s in shapes))]
    return None if any(len(sizes) > 1 for sizes in columns) else tuple(max(s, default=1) for s in columns)


def _in_place(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Returns the tensor that an in-place operation writes to; None if the other shapes do not fit."""
    shapes = [t.shape for t in args if isinstance(t, Tensor)]
    return args[0] if _broadcast(shapes) == args[0].shape else None


def _pointwise(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Returns a result of the type of `func` on single entries; None for tensors in lists or keywords."""
    tensors = [t for t in args if isinstance(t, Tensor)]
    hidden = any(isinstance(value, list | tuple) for value in args)
    hidden = hidden or any(isinstance(value, Tensor) for value in kwargs.values())
    if hidden or not all(t.is_meta or t.dim() == 0 for t in tensors):
        return None
    shape = _broadcast([t.shape for t in tensors])
    return None if shape is None else _empty(shape, func(*map(_single_entry, args), **kwargs).dtype)


def _single_entry(value: Any) -> Any:
    """Returns a tensor of one entry with the type and number of dimensions, which decide type promotion."""
    if not isinstance(value, Tensor):
        return value
    return torch.ones((1,) * value.dim(), dtype=value.dtype, device="cpu")


def _cat(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    tensors, dim = args[0], args[1] if len(args) > 1 else 0
    first = tensors[0]
    if any(t.dim() != first.dim() or t.dtype != first.dtype or not t.dim() for t in tensors):
        return None
    dim = dim % first.dim()
    others = lambda t: (*t.shape[:dim], *t.shape[dim + 1 :])
    if any(others(t) != others(first) for t in tensors):
        return None
    shape = [*first.shape]
    shape[dim] = sum(t.shape[dim] for t in tensors)
    return _empty(shape, first.dtype)


def _drawn(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    return _empty(args[0], kwargs.get("dtype"))


def _eye(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    return _empty((args[0], args[-1]), kwargs.get("dtype"))


def _arange(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Returns the steps as torch counts them; None if there are none."""
    start, end, step = {1: (0, *args, 1), 2: (*args, 1), 3: tuple(args)}[len(args)]
    if not step or (end - start) / step < 0:
        return None
    whole = all(isinstance(value, int) for value in args)
    n = -((start - end) // step) if whole else math.ceil((end - start) / step)
    return _empty((n,), kwargs.get("dtype") or (torch.int64 if whole else None))


def _same(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    return _empty(args[0].shape, kwargs.get("dtype") or args[0].dtype)


def _running(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Returns the result of a running sum of floating-point numbers; None for other types."""
    return _same(func, args, kwargs) if args[0].is_floating_point() else None


def _sorted(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    return _empty(args[0].shape, args[0].dtype), _empty(args[0].shape, torch.int64)


def _reduced(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Returns the result of sum(x, dims, keep) or linalg_vector_norm(x, order, dims, keep).

    It returns None for complex numbers and other unsupported arguments.
    """
    total = func.overloadpacket.__name__ == "sum"
    x, (dims, keep) = args[0], [*args[1 if total else 2 :], None, False][:2]
    real = x.is_floating_point() or (total and not x.is_complex())
    if not real or kwargs or not isinstance(dims, list | tuple) or not dims:
        return None
    gone = {dim % x.dim() for dim in dims}
    shape = [1 if i in gone else n for i, n in enumerate(x.shape) if keep or i not in gone]
    return _empty(shape, x.dtype if x.is_floating_point() else torch.int64)


def _repeated(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    x, times = args
    if len(times) < x.dim() or min(times, default=1) < 0:
        return None
    sizes = (*(1,) * (len(times) - x.dim()), *x.shape)
    return _empty([n * k for n, k in zip(sizes, times, strict=True)], x.dtype)


def _addmm(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    bias, a, b = args
    shape = (a.shape[0], b.shape[1])
    fits = a.shape[1] == b.shape[0] and _broadcast((bias.shape, shape)) == shape and not kwargs
    return _empty(shape, a.dtype) if fits and a.dtype == b.dtype == bias.dtype else None


def _convolution(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Returns the result of a convolution or its transpose; None if the shapes do not fit.

    n' = (n + 2 p - d (k - 1) - 1) / s + 1
    """
    x, weight, _, stride, padding, dilation, transposed, extra, groups = args
    spatial = x.shape[2:]
    lists = [list(v) * (len(spatial) if len(v) == 1 else 1) for v in (stride, padding, dilation, extra)]
    channels = weight.shape[0] // groups if transposed else weight.shape[1]
    fits = x.dim() == weight.dim() and channels * groups == x.shape[1] and x.dtype == weight.dtype
    sizes = []
    for n, k, s, p, d, e in zip(spatial, weight.shape[2:], *lists, strict=True) if fits else ():
        reach = d * (k - 1)
        sizes.append((n - 1) * s - 2 * p + reach + e + 1 if transposed else (n + 2 * p - reach - 1) // s + 1)
    if not fits or min(sizes) < 1:
        return None
    return _empty((x.shape[0], weight.shape[1] * groups if transposed else weight.shape[0], *sizes), x.dtype)


FACTORIES: dict[str, Rule] = {"randn": _drawn, "rand": _drawn, "eye": _eye, "arange": _arange}
RULES: dict[str, Rule] = {
    "addmm": _addmm,
    "convolution": _convolution,
    "cumsum": _running,
    "floor_divide": _pointwise,
    "linalg_vector_norm": _reduced,
    "repeat": _repeated,
    "sort": _sorted,
    "sum": _reduced,
    "_softmax": _same,
    "zeros_like": _same,
}
