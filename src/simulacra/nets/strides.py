"""Output sizes of strided and transposed convolutions along one side.

    convolution:             o = floor((i + 2p - k) / s) + 1                   (1)
    transposed convolution:  o' = s (i' - 1) + k - 2p + a                      (2)
    with a = (i + 2p - k) mod s the transposed convolution maps o back to i    (3)

Reference: Dumoulin and Visin, A Guide to Convolution Arithmetic for Deep Learning, 2016,
relationships 6 and 14. Row G5.
"""

from __future__ import annotations

from typing import Literal

Padding = Literal["valid", "half", "full", "same"]


def convolved(i: int, k: int, s: int = 1, p: int = 0) -> int:
    """Returns the output size of a convolution, equation (1).

    Args:
        i: input size.
        k: kernel size.
        s: stride.
        p: padding at each end.

    Example:
        >>> convolved(64, k=4, s=2, p=1)
        32
    """
    # (1)
    return (i + 2 * p - k) // s + 1


def transposed(i: int, k: int, s: int = 1, p: int = 0, extra: int = 0) -> int:
    """Returns the output size of a transposed convolution, equation (2).

    Args:
        i: input size.
        k: kernel size.
        s: stride.
        p: padding at each end.
        extra: a of equation (2), torch's `output_padding`.

    Example:
        >>> transposed(32, k=4, s=2, p=1)
        64
    """
    # (2)
    return s * (i - 1) + k - 2 * p + extra


def left_over(i: int, k: int, s: int = 1, p: int = 0) -> int:
    """Returns the `extra` with which `transposed` maps `convolved(i, k, s, p)` back to i, equation (3).

    Args:
        i: input size of the convolution.
        k: kernel size.
        s: stride.
        p: padding at each end.
    """
    # (3)
    return (i + 2 * p - k) % s


def padding(mode: Padding, k: int, s: int = 1) -> int:
    """Returns the padding at each end by the name of a mode.

    Args:
        mode: `valid` is 0; `half` is floor(k / 2), which keeps the size for odd k and stride 1; `full` is k -
            1,
            which includes every partial overlap; `same` is (k - s) / 2, which divides a multiple of s by s.
        k: kernel size.
        s: stride, used by `same`.

    Raises:
        ValueError: if `same` would need a negative or fractional padding.

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
