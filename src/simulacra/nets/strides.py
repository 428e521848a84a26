"""Sizes of strided and transposed convolutions along one side.

    convolution:             o = floor((i + 2p - k) / s) + 1                   (1)
    transposed convolution:  o' = s (i' - 1) + k - 2p + a                      (2)
    where a = (i + 2p - k) mod s, the transposed one returns from o to i       (3)

Reference: Dumoulin and Visin, A Guide to Convolution Arithmetic for Deep Learning, 2016,
relationships 6 and 14. Row G5.
"""

from __future__ import annotations

from typing import Literal

Padding = Literal["valid", "half", "full", "same"]


def convolved(i: int, k: int, s: int = 1, p: int = 0) -> int:
    """The size that a convolution leaves of a side.

    Args:
        i: entries of the side.
        k: entries of the kernel.
        s: stride.
        p: zeros added at each end.

    Example:
        >>> convolved(64, k=4, s=2, p=1)
        32
    """
    # (1)
    return (i + 2 * p - k) // s + 1


def transposed(i: int, k: int, s: int = 1, p: int = 0, extra: int = 0) -> int:
    """The size that a transposed convolution makes of a side.

    Args:
        extra: a of equation (2), torch's `output_padding`.

    Example:
        >>> transposed(32, k=4, s=2, p=1)
        64
    """
    # (2)
    return s * (i - 1) + k - 2 * p + extra


def left_over(i: int, k: int, s: int = 1, p: int = 0) -> int:
    """The `extra` with which `transposed` leads from `convolved(i, k, s, p)` back to i."""
    # (3)
    return (i + 2 * p - k) % s


def padding(mode: Padding, k: int, s: int = 1) -> int:
    """Zeros added at each end.

    Args:
        mode: `valid` adds none; `half` adds floor(k / 2), which keeps a side where the kernel is odd and the
            stride 1; `full` adds k - 1, so that each overlap counts; `same` adds (k - s) / 2, so that a side
            which s divides comes out divided by s.

    Raises:
        ValueError: where `same` asks for half a zero or for less than none.

    Example:
        >>> padding("same", k=4, s=2)
        1
    """
    if mode == "same":
        if k < s or (k - s) % 2:
            raise ValueError(
                f"kernel is {k}, but padding 'same' with stride {s} needs {s}, {s + 2}, {s + 4} and so on."
            )
        return (k - s) // 2
    return {"valid": 0, "half": k // 2, "full": k - 1}[mode]
