"""Films of a handwritten digit that moves at a constant speed and bounces off the walls.

    p_t = m - |((p_0 + v t) mod 2m) - m|,   m = side of the frame - side of the digit                 (1)

in each of two directions, with p_0 in 0 ... m and v in -2 ... 2, not both 0. A film follows from its digit,
its place and its speed; two frames give all of these but the next bounce, which the walls give. Film i is the
same whatever the number of films.

Reference: after Srivastava, Mansimov and Salakhutdinov 2015 (moving MNIST). Row G26.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Levels
from simulacra.data.sources.source import Part, Source

NAME = "moving-digits"
FILMS = {"train": 120, "valid": 15, "test": 15}
FRAMES, SIDE = 20, 16
FASTEST = 2  # pixels a frame, in each direction
SPEEDS = 2 * FASTEST + 1


def places(start: Tensor, speed: Tensor, frames: int, most: int) -> Tensor:
    """Returns places by equation (1), whole numbers from 0 to `most`, shape (N, frames, 2).

    Args:
        start: p_0, shape (N, 2).
        speed: v in pixels a frame, shape (N, 2).
        frames: number of frames.
        most: m, the largest place.

    Example:
        >>> places(torch.tensor([[0, 2]]), torch.tensor([[1, 2]]), 4, 3).tolist()
        [[[0, 2], [1, 2], [2, 0], [3, 2]]]
    """
    t = torch.arange(frames).view(1, -1, 1)
    # (1)
    return most - ((start.unsqueeze(1) + speed.unsqueeze(1) * t).remainder(2 * most) - most).abs()


def films(n: int, seed: int = 0, frames: int = FRAMES, side: int = SIDE) -> tuple[Tensor, Tensor]:
    """Draws films, shape (n, frames, 1, side, side), with 17 levels, and the digit of each, shape (n,).

    Args:
        n: number of films, at most 1,797.
        seed: seed of the draws.
        frames: frames of a film.
        side: side of a frame in pixels, at least 9.

    Example:
        >>> x, digit = films(2, frames=3)
        >>> x.shape, torch.equal(x[:1], films(1, frames=3)[0])
        (torch.Size([2, 3, 1, 16, 16]), True)
    """
    from sklearn.datasets import load_digits

    rng = Rng(seed, "toy", NAME, rows=range(n))
    images, labels = load_digits(return_X_y=True)
    # no digit is in two films
    which = rng.permutation("digit", len(images))[:n]
    most = side - 8
    start = (rng.uniform("start", 2, dtype=torch.float64) * (most + 1)).long()
    # one of all speeds but that of rest, which is the one in the middle
    speed = (rng.uniform("speed", dtype=torch.float64) * (SPEEDS**2 - 1)).long()
    speed = speed + (speed >= SPEEDS**2 // 2).long()
    speed = torch.stack([speed // SPEEDS, speed % SPEEDS], 1) - FASTEST
    at = places(start, speed, frames, most).flatten(0, 1)
    digit = torch.from_numpy(images.astype(np.uint8)).view(-1, 8, 8)[which].repeat_interleave(frames, 0)
    x, line = torch.zeros(n * frames, side, side, dtype=torch.uint8), torch.arange(8)
    rows, columns = at[:, :1] + line, at[:, 1:] + line
    x[torch.arange(n * frames).view(-1, 1, 1), rows.unsqueeze(2), columns.unsqueeze(1)] = digit
    return x.view(n, frames, 1, side, side), torch.from_numpy(labels)[which]


def moving_digits(seed: int) -> Source:
    """Returns frames of films in their order, each film in one part; the label is the digit.

    Args:
        seed: seed of the draws.

    Example:
        >>> source = moving_digits(0)
        >>> source.space, {name: len(part) for name, part in source.parts.items()}
        (Levels(shape=(1, 16, 16), levels=17), {'train': 2400, 'valid': 300, 'test': 300})
    """
    x, digit = films(sum(FILMS.values()), seed)
    counts, parts, first = list(FILMS.values()), {}, 0
    for name, rows, labels in zip(FILMS, x.split(counts), digit.split(counts)):
        clip = np.repeat(np.arange(first, first + len(rows)), FRAMES)
        frame = np.tile(np.arange(FRAMES), len(rows))
        # the film of a frame and its place in it, by which `past` finds the frames before
        sides = {"folder": _named("film", clip), "file": _named("frame", frame)}
        parts[name] = Part(rows.flatten(0, 1), labels.long().repeat_interleave(FRAMES), sides=sides)
        first += len(rows)
    return Source(NAME, Levels((1, SIDE, SIDE), 17), parts, tuple(map(str, range(10))), standardize=False)


def _named(what: str, numbers: np.ndarray) -> np.ndarray:
    return np.array([f"{what} {i}" for i in numbers])
