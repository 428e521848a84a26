"""Conversion of arrays in all common forms to tensors of the same numbers.

It accepts numpy arrays of any byte order, memory order and width, memory maps, nested lists, Python numbers,
tensors, data frames of numbers, and everything that offers `__array__` or `__dlpack__`. A number that no
tensor type holds exactly is an error; nothing is rounded.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from numbers import Real as RealNumber
from typing import Any

import numpy as np
import torch
from torch import Tensor

from simulacra.core.errors.argument_types import brief, suggestion

EXACT = 2**53  # above it, double precision does not hold every whole number
# types that torch stores but hardly computes with -> a wider type
WIDER = {"uint16": np.int32, "uint32": np.int64, "uint64": np.int64, "float16": np.float32}


def as_tensor(x: Any, name: str = "x") -> Tensor:
    """Converts numpy, torch, nested lists or a data frame of numbers to a tensor.

    Args:
        x: numbers in any of these forms.
        name: name of x in messages.

    Raises:
        ValueError: if the values are not real numbers, or a tensor would round them.

    Example:
        >>> as_tensor(np.arange(3, dtype=">i4")[::-1]).tolist()
        [2, 1, 0]
    """
    if isinstance(x, Tensor):
        return _torch(x, name)
    if isinstance(x, (str, bytes)):
        raise ValueError(f"{name} is the text {x!r}: load the file first, with load_data, pandas or Pillow.")
    array = _array(x, name)
    if isinstance(array, Tensor):
        return _torch(array, name)
    if isinstance(array, np.ma.MaskedArray) and np.ma.getmaskarray(array).any():
        raise ValueError(
            f"{name} has masked entries: give {name}.filled(0), and known=~{name}.mask where they miss."
        )
    return torch.from_numpy(_plain(exact_numbers(np.asarray(array), name)))


def _torch(x: Tensor, name: str) -> Tensor:
    """Returns a dense tensor of a type that torch computes with."""
    if x.layout != torch.strided:
        raise ValueError(f"{name} is a sparse tensor: give {name}.to_dense().")
    if x.is_complex():
        raise _complex(name)
    if x.dtype in (torch.uint16, torch.uint32, torch.uint64):
        return torch.from_numpy(_plain(exact_numbers(x.cpu().numpy(), name))).to(x.device)
    if x.dtype == torch.int64:
        _check_exact(x.numel() and max(int(x.max()), -int(x.min())), name)
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def _array(x: Any, name: str) -> np.ndarray | Tensor:
    if type(x).__module__.startswith("scipy.sparse"):
        raise ValueError(f"{name} is a sparse matrix: give {name}.toarray().")
    if isinstance(x, (list, tuple)) and x and all(isinstance(row, Tensor) for row in x):
        shapes = {tuple(row.shape) for row in x}
        if len(shapes) > 1:
            raise _ragged(name)
        return torch.stack(list(x))
    if isinstance(x, np.ndarray):
        return x
    try:
        array = np.asarray(x)
        # numpy makes whole numbers beside others doubles, which rounds large ones before they are checked
        frame = hasattr(x, "iloc")
        mixed = (frame or isinstance(x, list | tuple)) and array.dtype == np.float64
        if not mixed or not bool((np.abs(array) >= EXACT).any()):
            return array
        # pandas rounds in np.asarray(x, object), too
        return np.asarray(x.to_numpy(object) if frame else x, object)
    except (TypeError, ValueError, RuntimeError, BufferError) as error:
        if "inhomogeneous" in str(error):
            raise _ragged(name) from error
        if not callable(getattr(x, "__dlpack__", None)):
            raise ValueError(f"{name} is a {type(x).__name__}, which holds no numbers ({error}).") from error
    return torch.from_dlpack(x)


def _ragged(name: str) -> ValueError:
    return ValueError(f"the rows of {name} differ in length: every row needs the same number of entries.")


def _complex(name: str) -> ValueError:
    return ValueError(
        f"{name} holds complex numbers, but models take real ones: give {name}.real, or the real and the "
        "imaginary parts as columns of their own."
    )


def exact_numbers(array: np.ndarray, name: str) -> np.ndarray:
    """Returns the numbers of an array in a type that torch computes with.

    Args:
        array: array of any type.
        name: name of the array in messages.

    Raises:
        ValueError: if they are not real numbers, or the type would round them.

    Example:
        >>> exact_numbers(np.array([1, 2.5, None], object), "x").tolist()
        [1.0, 2.5, nan]
    """
    kind = array.dtype.kind
    if kind == "O":
        return _of_objects(array, name)
    if kind == "c":
        raise _complex(name)
    if kind == "V" and array.dtype.names:
        raise ValueError(
            f"{name} has named columns ({', '.join(array.dtype.names[:20])}), but plain rows are needed: "
            f"give numpy.lib.recfunctions.structured_to_unstructured({name})."
        )
    if kind in "USmMV":
        what = {"U": "text", "S": "text", "M": "dates", "m": "spans of time"}.get(kind, "bytes")
        raise ValueError(f"{name} holds {what}, not numbers: convert it with {name}.astype('float64').")
    if kind in "iu" and array.size and array.dtype.itemsize == 8:
        _check_exact(max(int(array.max()), -int(array.min())), name)
    if array.dtype.itemsize > 8:
        double = array.astype(np.float64)
        if not ((double == array) | np.isnan(array)).all():
            raise ValueError(
                f"{name} holds numbers of {array.dtype} that double precision rounds: give "
                f"{name}.astype('float64') to have them rounded."
            )
        return double
    return array.astype(WIDER.get(array.dtype.newbyteorder("=").name, array.dtype))


def _check_exact(largest: int, name: str) -> None:
    if largest > EXACT:
        raise ValueError(
            f"{name} holds whole numbers up to {largest}, which double precision rounds beyond 2^53: "
            "subtract an offset from them first."
        )


def _of_objects(array: np.ndarray, name: str) -> np.ndarray:
    """Converts Python objects to booleans, int64 or float64, the narrowest that fits; None becomes NaN."""
    values = array.reshape(-1).tolist()
    if values and all(isinstance(value, (bool, np.bool_)) for value in values):
        return array.astype(bool)
    if values and all(isinstance(v, (int, np.integer)) and not isinstance(v, bool) for v in values):
        _check_exact(max(map(abs, values)), name)
        return array.astype(np.int64)
    numbers = [_number(value, name) for value in values]
    return np.array(numbers, np.float64).reshape(array.shape)


def _number(value: Any, name: str) -> float:
    if is_gone(value):
        return np.nan
    if isinstance(value, (list, tuple, np.ndarray)):
        raise _ragged(name)
    if isinstance(value, (complex, np.complexfloating)) and not isinstance(value, RealNumber):
        raise _complex(name)
    try:
        return exact_float(value)
    except (TypeError, ValueError, OverflowError) as error:
        if isinstance(value, (RealNumber, Decimal)):
            raise ValueError(f"{name} has a number that no tensor holds: {error}.") from error
        end = suggestion(value, Tensor, name)
        raise ValueError(f"{name} holds {brief(value)}, which is no number{end}") from error


def exact_float(value: Any) -> float:
    """Converts a number, or its text, to a float without rounding.

    Raises:
        ValueError: if it is not a number, or an integer that a float would round.

    Example:
        >>> exact_float("2.5"), exact_float(7)
        (2.5, 7.0)
    """
    if isinstance(value, (str, bytes)) and "_" in str(value):
        raise ValueError(f"could not convert string to float: {value!r}")
    number = float(value)
    if is_rounded(value, number):
        raise ValueError(f"double precision rounds {value} to {number:.0f}: subtract an offset first")
    return number


def is_rounded(value: Any, number: float) -> bool:
    """Returns True if a whole number of any type is another one in double precision.

    Args:
        value: a number of Python, numpy, `decimal` or `fractions`; fractions may be rounded, as 0.1 is.
        number: the same number in double precision.

    Example:
        >>> is_rounded(2**53 + 1, 2.0**53), is_rounded(Decimal("0.1"), 0.1), is_rounded(Decimal(7), 7.0)
        (True, False, False)
    """
    if not isinstance(value, (int, np.integer, Fraction, Decimal, np.longdouble)) or not np.isfinite(number):
        return False
    whole = int(value)
    return whole == value and whole != int(number)


def is_gone(value: Any) -> bool:
    """Returns True if an entry marks a missing value: None, NaN, NA, NaT, a masked entry."""
    nan = isinstance(value, (float, np.floating)) and bool(np.isnan(value))
    # by name, so that pandas need not be imported
    return value is None or nan or type(value).__name__ in ("NAType", "NaTType", "MaskedConstant")


def _plain(array: np.ndarray) -> np.ndarray:
    """Returns the array in native byte order, contiguous and writable."""
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    # torch does not accept negative strides, and warns of read-only memory
    return array if array.flags.c_contiguous and array.flags.writeable else np.array(array, order="C")


def split_mask(x: Any) -> tuple[Any, np.ndarray | None]:
    """Splits a masked array into its numbers and a mask of the known ones; otherwise returns x and None.

    Example:
        >>> numbers, known = split_mask(np.ma.masked_less([1.0, -9.0], 0))
        >>> numbers.tolist(), known.tolist()
        ([1.0, 0.0], [True, False])
    """
    if not isinstance(x, np.ma.MaskedArray) or x.dtype.names:
        return x, None
    mask = np.ma.getmaskarray(x)
    return (x.filled(0) if mask.any() else np.asarray(x.data)), ~mask if mask.any() else None
