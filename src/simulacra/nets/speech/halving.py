"""Lengths and channels of waves that strided convolutions halve.

    T, T/2, ..., T/2^n      c_i = C 2^(i // 2),  i = 1..n,  and the last is twice the one before      (1)

With T = 16384, C = 16 and n = 11 these are the layers of the paper, 8192 x 16 to 8 x 1024.

Reference: Pascual, Bonafonte and Serra, SEGAN, 2017, section 4.2. Row G23.
"""

from __future__ import annotations

from simulacra.core.errors.suggestion import Refusal, build_with

LAST = 8  # shortest length that waves are halved to by default, that of the paper


def halvings_of(samples: int, halvings: int | None = None) -> int:
    """Returns the number of halvings: the given one, or as many as leave 8 samples or more, at least one.

    Args:
        samples: T, length of a wave.
        halvings: number of halvings; None: the default.

    Raises:
        ValueError: if T cannot be halved so often.

    Example:
        >>> [halvings_of(T) for T in (16384, 4096, 1000, 6)]
        [11, 9, 3, 1]
    """
    possible = (samples & -samples).bit_length() - 1
    if halvings is None and possible:
        while possible > 1 and samples >> possible < LAST:
            possible -= 1
        return possible
    if possible == 0:
        raise ValueError(
            f"recordings of {samples} samples cannot be halved: load them in windows of an even length, such "
            f"as {max(2, 2 ** (samples.bit_length() - 1))}, with tile= or crop=."
        )
    assert halvings is not None
    if not 1 <= halvings <= possible:
        most = build_with(halvings=possible)
        raise Refusal(
            f"halvings is {halvings}, but {samples} samples can be halved 1 to {possible} times: use {most}.",
            most,
        )
    return halvings


def widths(channels: int, halvings: int) -> list[int]:
    """Returns the channels after each halving, equation (1).

    Args:
        channels: C, channels after the first halving.
        halvings: n.

    Example:
        >>> widths(16, 11)
        [16, 32, 32, 64, 64, 128, 128, 256, 256, 512, 1024]
    """
    # (1)
    sizes = [channels * 2 ** (i // 2) for i in range(1, halvings + 1)]
    if halvings > 1:
        sizes[-1] = 2 * sizes[-2]
    return sizes


def half_kernel(kernel: int) -> int:
    """Returns the padding with which a stride of 2 halves an even length.

    Args:
        kernel: size of the kernel.

    Raises:
        ValueError: if the kernel is even.
    """
    if kernel < 1 or kernel % 2 == 0:
        odd = build_with(kernel=max(1, kernel) | 1)
        raise Refusal(
            f"kernel is {kernel}, but a stride of 2 halves a length with an odd kernel: use {odd}.", odd
        )
    return kernel // 2
