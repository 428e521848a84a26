"""Image sides that halve exactly: H x W = 2^n times a starting height and width."""

from __future__ import annotations

from collections.abc import Sequence

STARTS = (4, 5, 6, 7, 3)  # smallest sides in order of preference: 4 of Radford et al. 2015, 7 of 28


def starting_side(shape: Sequence[int], n: int) -> tuple[int, int]:
    """Returns height and width after n halvings.

    Args:
        shape: (C, H, W).
        n: number of halvings.

    Raises:
        ValueError: if H or W is not a multiple of 2^n.

    Example:
        >>> starting_side((1, 28, 28), 2)
        (7, 7)
    """
    _, h, w = shape
    factor = 2**n
    if h % factor or w % factor:
        a, b = (_multiple(side, factor) for side in (h, w))
        larger = f"resize {{}} to multiples of {factor}, such as {a}x{b}."
        most = possible_halvings(shape)
        if most == 0:
            raise ValueError(f"images of {h}x{w} cannot be halved: {larger.format('them')}")
        often, give = ("once", "1 channel") if most == 1 else (f"{most} times", f"{most} channels")
        raise ValueError(
            f"images of {h}x{w} can be halved {often}, not {n} times: give {give} instead of {n}, or "
            + larger.format("the images")
        )
    return h // factor, w // factor


def possible_halvings(shape: Sequence[int]) -> int:
    """Counts how often both sides of images (C, H, W) can be halved exactly."""
    _, h, w = shape
    n = 0
    while h % 2 ** (n + 1) == 0 and w % 2 ** (n + 1) == 0:
        n += 1
    return n


def preferred_halvings(shape: Sequence[int]) -> int | None:
    """Returns the number of halvings of images (C, H, W) to a shorter side of 3 to 7, or None if impossible.

    Example:
        >>> [preferred_halvings((1, side, side)) for side in (28, 32, 64, 48, 30)]
        [2, 3, 4, 3, None]
    """
    shorter = min(shape[1:])
    ends = {shorter // 2**n: n for n in range(1, possible_halvings(shape) + 1)}
    return next((ends[start] for start in STARTS if start in ends), None)


def halvings(shape: Sequence[int]) -> int:
    """Returns the number of halvings like `preferred_halvings`, or raises.

    Raises:
        ValueError: if the sides do not halve down to 3 to 7.
    """
    n = preferred_halvings(shape)
    if n is None:
        c, h, w = shape
        larger = [[_multiple(max(side, 6), 2**n) for side in (h, w)] for n in range(1, 12)]
        a, b = min(size for size in larger if preferred_halvings((c, *size)) is not None)
        raise ValueError(
            f"images of {h}x{w} do not halve down to a side of 3 to 7: resize them, for instance to {a}x{b}, "
            "or take a fully connected network."
        )
    return n


def _multiple(side: int, of: int) -> int:
    """Rounds the side up to a multiple."""
    return -(-side // of) * of
