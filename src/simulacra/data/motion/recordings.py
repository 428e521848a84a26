"""Readers of recorded motion: a folder of BVH files, a single one, or walks of the CMU data base.

A recording is a sequence of frames, or is cut into windows of so many frames; windows of one recording share
a value of the column `file`, so that a split never separates them. Channels that never change are left out.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.core.spaces import composite
from simulacra.core.spaces.plain import Real
from simulacra.data.arrays.files import BROKEN_ZIP
from simulacra.data.arrays.shapes import narrowest
from simulacra.data.catalog import names
from simulacra.data.labels import encode
from simulacra.data.limits import check_memory
from simulacra.data.listing import check_two_files, list_folder
from simulacra.data.motion.bvh import Motion, read_bvh
from simulacra.data.motion.options import MotionOptions
from simulacra.data.sources.source import Part, Source
from simulacra.data.splits.keys import path_sides
from simulacra.data.splits.options import SplitOptions

WALKS = "mocap"
TURN = 360.0  # degrees
ROUNDING = 1e-9  # degrees by which an angle differs from itself after a turn, in double precision
SAME = 0.02  # relative difference of rates that are one, printed with few digits: 30, 29.97 and 1/0.033
LARGEST = 2**28  # bytes that the archive may unpack to; the published one has 7 MB
Rows = list[tuple[np.ndarray, int]]  # frames of a row, shape (steps, channels), and number of its recording
COPIES = 4  # copies of the padded rows that exist while they are split


def open_motions(folder: Path, own: MotionOptions, split: SplitOptions) -> Source:
    """Reads a folder of BVH files; class subfolders are labels, such as styles.

    Args:
        folder: class subfolders are labels; train, valid and test subfolders are parts.
        own: options of motion.
        split: options of the splits.

    Raises:
        ValueError: if a file is damaged, or the skeletons differ.
    """
    listing = list_folder(folder)
    read = {part: [read_motion(path) for path in files] for part, files in listing.files.items()}
    source, origins = _source(folder.resolve().name, folder, read, own)
    parts = {}
    for name, part in source.parts.items():
        files = [listing.files[name][i] for i in origins[name].tolist()]
        labels = listing.labels[name][origins[name]] if listing.label_names else None
        sides = path_sides(files, listing.folder, listing.below[name])
        parts[name] = Part(part.rows, labels, sides=sides, lengths=part.lengths)
    check_two_files(folder, parts, split, "recording")
    source = Source(source.name, source.space, parts, listing.label_names, source.applied, notes=source.notes)
    left_out = listing.said_left_out.replace(" left out", "")
    return source.noted("left out", left_out) if left_out else source


def open_motion(path: Path, own: MotionOptions, split: SplitOptions) -> Source:
    """Reads a single BVH file, which needs windows: a model learns from many rows.

    Args:
        path: the file.
        own: options of motion.
        split: options of the splits.

    Raises:
        ValueError: if the file is damaged.
    """
    motion = read_motion(path)
    if own.frames is None:
        keyed = bool(split.keys) or not (split.validation or split.test)
        end = {} if keyed else {"time": "start"}
        windows = load_with(frames=suggested(len(motion.frames), own.every), **end)
        raise Refusal(
            f"{path} is a single recording of {len(motion.frames):,} frames: load it with {windows} to cut "
            "it into windows, or give the folder of several recordings.",
            windows,
        )
    source, _ = _source(path.stem, path, {"train": [motion]}, own)
    part = source.parts["train"]
    starts = np.arange(len(part)) * own.frames * own.every
    sides = {"file": np.full(len(part), path.name, object), "start": starts}
    parts = {"train": Part(part.rows, sides=sides, lengths=part.lengths)}
    check_two_files(path, parts, split, "recording")
    return Source(source.name, source.space, parts, (), source.applied, notes=source.notes)


def open_walks(name: str, own: MotionOptions, split: object) -> Source:
    """Reads walks of two people; the label is the person, the last recording of each is the test part.

    The first frame of a recording, in which the skeleton stands with its arms spread, is left out.

    Args:
        name: the name of the collection.
        own: options of motion.
        split: unused: the parts are given.

    Raises:
        ValueError: if the archive is missing or damaged.
    """
    (archive,) = names.locate(names.find(name)).values()
    found = {member: Motion(m.channels, m.frames[1:], m.seconds) for member, m in _unzipped(archive).items()}
    people = np.array([member.split("_")[0] for member in found], object)
    last = {person: member for member, person in zip(found, people)}
    members = {
        "train": [member for member in found if member not in last.values()],
        "test": [member for member in found if member in last.values()],
    }
    read = {part: [found[member] for member in own_members] for part, own_members in members.items()}
    source, origins = _source(name, archive, read, own)
    numbers, label_names = encode(people, name)
    number = dict(zip(found, numbers))
    parts = {}
    for key, part in source.parts.items():
        of = [members[key][i] for i in origins[key].tolist()]
        labels = torch.stack([number[member] for member in of])
        parts[key] = Part(part.rows, labels, sides={"file": np.array(of, object)}, lengths=part.lengths)
    return Source(name, source.space, parts, label_names, source.applied, notes=source.notes)


def suggested(frames: int, every: int) -> int:
    """Suggests the length of windows that make at least twenty rows of a recording, where it has the frames.

    Args:
        frames: number of frames of the recording.
        every: the frame of this number is kept.

    Example:
        >>> suggested(4000, 4), suggested(30, 1)
        (50, 2)
    """
    return max(2, frames // (20 * every))


def read_motion(path: Path) -> Motion:
    """Reads one recording.

    Args:
        path: the file.

    Raises:
        ValueError: if it is damaged or cannot be read.
    """
    try:
        return read_bvh(str(path), path.read_bytes())
    except OSError as error:
        raise ValueError(f"{path} could not be read ({error}).") from error


def _unzipped(archive: Path) -> dict[str, Motion]:
    """Returns the recordings of an archive by the name of their file, sorted."""
    try:
        with zipfile.ZipFile(archive) as file:
            infos = sorted(
                (i for i in file.infolist() if i.filename.endswith(".bvh")), key=lambda i: i.filename
            )
            if sum(info.file_size for info in infos) > LARGEST:
                raise ValueError(f"{archive} would unpack to more than {LARGEST >> 20} MiB: fetch it again.")
            named = {Path(info.filename).name: file.read(info) for info in infos}
    except BROKEN_ZIP as error:
        raise ValueError(f"{archive} is truncated or no zip file ({error}): fetch it again.") from error
    if not named:
        raise ValueError(f"{archive} holds no .bvh file: fetch it again.")
    return {member: read_bvh(f"{member} in {archive}", content) for member, content in named.items()}


def _source(
    name: str, path: Path, read: Mapping[str, Sequence[Motion]], own: MotionOptions
) -> tuple[Source, dict[str, torch.Tensor]]:
    """Returns the source of padded rows, and the index of each row's recording, by part."""
    channels = _one_skeleton(path, read)
    rate = 1 / (_one_time(path, read) * own.every)
    angles = np.array([channel.endswith("rotation") for channel in channels])
    rows = {part: _rows([m.frames[:: own.every] for m in motions], own) for part, motions in read.items()}
    rows = _on_one_turn(rows, angles)
    spread = np.ptp(np.concatenate([row for row, _ in rows["train"]]), 0)
    moves = spread > np.where(angles, ROUNDING, 0)
    if not moves.any():
        raise ValueError(f"{path} holds no channel that changes: give recordings with motion.")
    rows = {part: [(row[:, moves], i) for row, i in of] for part, of in rows.items()}
    steps = max(len(row) for part in rows.values() for row, _ in part)
    count = sum(map(len, rows.values()))
    check_memory(path, COPIES * count * steps * int(moves.sum()) * 8, f"{count:,} rows of {steps:,} frames")
    parts = {part: _part([row for row, _ in of], steps, str(path)) for part, of in rows.items()}
    applied = (f"{rate:.4g} frames a second", *_constant(int((~moves).sum())))
    space = composite.Sequence((steps,), of=Real((int(moves.sum()),)))
    origins = {part: torch.tensor([i for _, i in of]) for part, of in rows.items()}
    return Source(name, space, parts, applied=applied), origins


def _one_skeleton(path: Path, read: Mapping[str, Sequence[Motion]]) -> tuple[str, ...]:
    """Returns the channels that all recordings share."""
    every = [motion.channels for motions in read.values() for motion in motions]
    for channels in every:
        if channels != every[0]:
            raise ValueError(
                f"{path} holds skeletons of {len(every[0])} and of {len(channels)} channels, or of "
                "other names: put one kind of skeleton in a folder of its own."
            )
    return every[0]


def _one_time(path: Path, read: Mapping[str, Sequence[Motion]]) -> float:
    """Returns the seconds from frame to frame that all recordings share."""
    every = sorted(motion.seconds for motions in read.values() for motion in motions)
    if every[-1] > every[0] * (1 + SAME):
        raise ValueError(
            f"{path} holds recordings of {1 / every[-1]:.4g} and of {1 / every[0]:.4g} frames a second: "
            "convert them to one rate, or keep them in folders of their own."
        )
    return every[len(every) // 2]


def _on_one_turn(rows: Mapping[str, Rows], angles: np.ndarray) -> dict[str, Rows]:
    """Returns rows whose angles lie within half a turn of those of the training rows, on average.

    180 and -180 degrees are one pose: a row is turned by whole turns, so that its mean angle is less than
    half a turn away from the mean direction of all training frames, or is half a turn above it.

    Args:
        rows: the rows of each part, with the numbers of their recordings.
        angles: True for channels that are angles, shape (channels,).
    """
    turns = np.concatenate([row[:, angles] for row, _ in rows["train"]]) * (2 * np.pi / TURN)
    main = np.arctan2(np.sin(turns).mean(0), np.cos(turns).mean(0)) * (TURN / (2 * np.pi))
    main = main.round(6)  # opposite poses cancel but for rounding

    def turned(row: np.ndarray) -> np.ndarray:
        row = row.copy()
        row[:, angles] += TURN * np.floor((main - row[:, angles].mean(0)) / TURN + 0.5)
        return row

    return {part: [(turned(row), i) for row, i in of] for part, of in rows.items()}


def _constant(count: int) -> tuple[str, ...]:
    return (f"{count} constant channels left out",) if count else ()


def _rows(read: Sequence[np.ndarray], own: MotionOptions) -> Rows:
    """Returns the rows of recordings, whole or in windows, each with the number of its recording."""
    if own.frames is None:
        return [(frames, i) for i, frames in enumerate(read)]
    n = own.frames
    return [(f[t : t + n], i) for i, f in enumerate(read) for t in range(0, len(f), n)]


def _part(pieces: Sequence[np.ndarray], steps: int, path: str) -> Part:
    kind = narrowest(np.concatenate(pieces), path).dtype
    rows = np.zeros((len(pieces), steps, pieces[0].shape[1]), kind)
    for row, piece in zip(rows, pieces):
        row[: len(piece)] = piece
    return Part(torch.from_numpy(rows), lengths=torch.tensor([len(piece) for piece in pieces]))
