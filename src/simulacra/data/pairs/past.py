"""Frames with the frames before them as condition; no window reaches into another split.

    c_t = (x_{t-n}, ..., x_{t-1}),   stacked on channels, or behind each other for vectors          (1)

Frames stand in the order of the array, or of the files by the numbers in their names; subfolders, and files
of several pages, are sequences of their own. Frames with fewer than n before them are context alone. Unless
the user splits them otherwise, the first frames train and the last ones test.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor

from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.plain import Binary, Levels, Real, Space
from simulacra.data.images.files import ImageFiles
from simulacra.data.pairs.forms import PAST, Past, form_of
from simulacra.data.row_store import RowStore
from simulacra.data.sources.source import Part, Source
from simulacra.data.splits.cut import cut, limited
from simulacra.data.splits.options import SplitOptions

SHARES = {"valid": "validation", "test": "test"}
ORDER = "frame"  # column with the place of each frame, by which splits are cut
Key = tuple[tuple[Any, ...], Any]
Windows = Mapping[str, dict[int, list[int]]]  # numbers of the frames before each, by part and number


@dataclass(frozen=True, eq=False)
class PastRows(RowStore):
    """Frames before each frame, read from the store of all of them.

    Args:
        frames: all frames of a part.
        before: places of the frames before each row, shape (N, n).
    """

    frames: RowStore
    before: Tensor

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]
        """Shape of one condition."""
        first, *rest = self.frames.shape
        return (self.before.shape[1] * first, *rest)

    @property
    def dtype(self) -> torch.dtype:
        """The type of the entries."""
        return self.frames.dtype

    def __len__(self) -> int:
        return len(self.before)

    def __getitem__(self, index: Tensor) -> PastRows:
        return replace(self, before=self.before[index])

    def read(self, index: list[int] | range) -> Tensor:
        """Reads equation (1), shape (B, *)."""
        return stacked(self.frames, self.before[torch.as_tensor(index, dtype=torch.long)])

    def digest(self) -> str:
        """Returns the digest of the frames and their order."""
        places, at = self.before.unique(return_inverse=True)
        return f"{self.frames[places].digest()}:{at.flatten().tolist()}"


def stacked(frames: Tensor | RowStore, before: Tensor) -> Tensor:
    """Returns equation (1), shape (N, n C, *); a frame of several windows is read once.

    Args:
        frames: all frames, shape (M, C, *), in memory or on disk.
        before: places of the frames before each row, shape (N, n).

    Example:
        >>> stacked(torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([[0, 1], [1, 2]])).tolist()
        [[1.0, 2.0], [2.0, 3.0]]
    """
    if isinstance(frames, RowStore):
        places, before = before.unique(return_inverse=True)
        frames = frames.read(places.tolist())
    return frames[before].flatten(1, 2)


def with_past(source: Source, form: Past) -> tuple[Source, Windows]:
    """Returns frames as pairs with those before them, and the numbers of these.

    Args:
        source: all frames, not split yet.
        form: number of frames.

    Raises:
        ValueError: if the rows are no frames, or a part is too short.
    """
    space = _stacked_space(source, form)
    parts, c, windows = {}, {}, {}
    for name, part in source.parts.items():
        keys = _keys(part)
        order, before = _windows(keys, form.frames)
        if not len(order):
            raise _too_long(source, form)
        numbers = part.source_rows.numbers
        windows[name] = dict(zip(numbers[order].tolist(), numbers[before].tolist()))
        rows = part.rows
        c[name] = PastRows(rows, before) if isinstance(rows, RowStore) else stacked(rows, before)
        taken = part.take(order)
        times = _times([keys[i] for i in order.tolist()])
        parts[name] = replace(taken, sides={**taken.sides, ORDER: times})
    done = replace(source, parts=parts)
    return done.given(space, c, f"the {form.frames} frames before"), windows


def frames_before(data: Any) -> int:
    """Returns the number of frames before each frame that a data set has as its condition; 0 for others.

    Args:
        data: data set.
    """
    given = (getattr(data, "spec", None) or {}).get("condition")
    form = form_of(given) if isinstance(given, str) and given.startswith(f"{PAST}:") else None
    return form.frames if isinstance(form, Past) and data.condition is not None else 0


def windows_of(part: Part, n: int) -> dict[int, list[int]]:
    """Returns the places of the n frames before each row that has them, by its place.

    Args:
        part: frames.
        n: number of frames.
    """
    order, before = _windows(_keys(part), n)
    return dict(zip(order.tolist(), before.tolist()))


def past_cut(source: Source, options: SplitOptions, form: Past) -> Source:
    """Returns frames with those before them, cut into splits that no window crosses.

    Args:
        source: all frames, not split yet.
        options: options of the splits.
        form: number of frames.

    Raises:
        ValueError: as `with_past` and `cut_windows`.
    """
    framed, windows = with_past(source, form)
    return cut_windows(framed, options, windows)


def cut_windows(source: Source, options: SplitOptions, windows: Windows) -> Source:
    """Returns frames cut into splits, without those whose frames before stand in another split.

    Args:
        source: frames with those before them.
        options: options of the splits; without a key, the first frames train and the last ones test.
        windows: numbers of the frames before each.

    Raises:
        ValueError: if a split has no frame left.
    """
    keys = options.keys or options.stratify
    timed = options if keys else replace(options, time=ORDER)
    whole = cut(source, replace(timed, limit=None))
    held = {(part.official, n): name for name, part in whole.parts.items() for n in _numbers(part)}
    parts = {}
    for name, part in whole.parts.items():
        before = windows[part.official]
        inside = [
            i
            for i, n in enumerate(_numbers(part))
            if all(held.get((part.official, m), name) == name for m in before[n])
        ]
        if not inside:
            raise _all_cross(source, name, windows)
        parts[name] = part if len(inside) == len(part) else part.take(torch.tensor(inside))
    return replace(whole, parts={name: limited(name, part, options) for name, part in parts.items()})


def _numbers(part: Part) -> list[int]:
    numbers: list[int] = part.source_rows.numbers.tolist()
    return numbers


def _times(keys: Sequence[Key]) -> np.ndarray:
    """Returns the time of each frame; tiles of a page have the same one."""
    moments = [(sequence[:1], place) for sequence, place in keys]
    rank = {moment: i for i, moment in enumerate(sorted(set(moments)))}
    return np.array([rank[moment] for moment in moments])


def _windows(keys: Sequence[Key], n: int) -> tuple[Tensor, Tensor]:
    """Returns the places of the rows with n frames before them, in order, and those of these frames."""
    places = sorted(range(len(keys)), key=lambda i: keys[i])
    order, before = [], []
    for _, held in groupby(places, key=lambda i: keys[i][0]):
        sequence = list(held)
        order += sequence[n:]
        before += [sequence[t - n : t] for t in range(n, len(sequence))]
    return torch.tensor(order, dtype=torch.long), torch.tensor(before, dtype=torch.long).reshape(-1, n)


def _keys(part: Part) -> list[Key]:
    """Returns the sequence of each row and its place in it, which sort."""
    if "file" not in part.sides or "folder" not in part.sides:
        return [((), i) for i in range(len(part))]
    files, folders = part.sides["file"].tolist(), part.sides["folder"].tolist()
    places = part.rows._places.tolist() if isinstance(part.rows, ImageFiles) else [[0, 0, 0, 0]] * len(part)
    paged = any(page for _, page, _, _ in places)
    found = []
    for file, folder, (_, page, *at) in zip(files, folders, places):
        sequence = (natural(file if paged else folder), *at)
        found.append((sequence, (page,) if paged else natural(file)))
    return found


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """Returns the key by which names are sorted as people number them: frame 2 before frame 10.

    Args:
        name: a name of a file.

    Example:
        >>> sorted(["f10.png", "f2.png"], key=natural)
        ['f2.png', 'f10.png']
    """
    parts = re.split(r"(\d+)", name)
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts)


def _stacked_space(source: Source, form: Past) -> Space:
    space = source.space
    gaps = any(part.known is not None for part in source.parts.values())
    if isinstance(space, Audio) or not isinstance(space, Levels | Binary | Real) or not space.shape:
        one = load_with(condition="noise")
        raise Refusal(
            f"condition={form.text!r} needs frames, which are pictures or vectors, but {source.name} holds "
            f"{space}: load the data with {one}.",
            one,
        )
    if gaps:
        raise ValueError(
            f"condition={form.text!r} needs every entry, and {source.name} has gaps: fill them in."
        )
    first, *rest = space.shape
    return replace(space, shape=(form.frames * first, *rest))


def _too_long(source: Source, form: Past) -> Refusal | ValueError:
    # each part needs a frame
    lengths = min((_lengths(_keys(part)) for part in source.parts.values()), key=max)
    said = (
        f"condition={form.text!r} takes {form.frames} frames before each, but {source.name} has no sequence "
        f"of more than {form.frames} ({sum(lengths):,} frames in all)"
    )
    return _fewer(said, lengths, form.frames - 1, _wanted(source))


def _all_cross(source: Source, name: str, windows: Windows) -> Refusal | ValueError:
    """Returns the error for a split without a frame whose frames before are in it, too."""
    n = len(next(iter(windows["train"].values())))
    said = (
        f"every frame of the {name} split of {source.name} has one of the {n} frames before it in another "
        "split"
    )
    return _fewer(said, [len(windows["train"]) + n], n, _wanted(source))


def _wanted(source: Source) -> list[str]:
    """Returns the splits that are cut from the training rows."""
    return [split for split in SHARES if split not in source.parts]


def _lengths(keys: Sequence[Key]) -> list[int]:
    return list(Counter(sequence for sequence, _ in keys).values())


def _fewer(said: str, lengths: Sequence[int], most: int, wanted: Sequence[str]) -> Refusal | ValueError:
    """Returns an error with the most frames before each that leave a frame in each split.

    A split of 2 n frames in a row keeps n of them.

    Args:
        said: the sentence without its way out.
        lengths: number of frames of each sequence.
        most: largest number of frames before each.
        wanted: splits that are cut from these frames.
    """
    for n in range(most, 0, -1):
        rows = sum(max(0, length - n) for length in lengths)
        if rows > 2 * n * len(wanted) + n:
            one = load_with(condition=f"past:{n}", **{SHARES[split]: 2 * n for split in wanted})
            return Refusal(f"{said}: load the data with {one}.", one)
    return ValueError(f"{said}: give at least {2 * len(wanted) + 3} frames in a row.")
