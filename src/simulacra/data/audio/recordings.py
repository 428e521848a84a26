"""Readers of recordings: a folder, a single file, or the Free Spoken Digit Dataset.

Windows of one recording share a value of the column `file`, so that a split never separates them.
"""

from __future__ import annotations

import logging
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from simulacra.core.spaces.audio import Audio
from simulacra.data.arrays.files import BROKEN_ZIP
from simulacra.data.audio.options import AudioOptions
from simulacra.data.audio.wav import Recording, one_rate, read_wav, recording
from simulacra.data.audio.windows import ROWS, Window, check_frame, check_lengths, sentence, suggested
from simulacra.data.catalog import names
from simulacra.data.labels import encode
from simulacra.data.limits import check_memory
from simulacra.data.listing import WAVES, Listing, check_two_files, list_folder
from simulacra.data.sources.source import Part, Source
from simulacra.data.splits.keys import path_sides
from simulacra.data.splits.options import SplitOptions

log = logging.getLogger("simulacra")

SPOKEN = "fsdd"
MEMBER = re.compile(r"(?:^|/)recordings/(?P<file>(?P<digit>\d)_[^/_]+_(?P<index>\d+)\.wav)$")
TESTED = 5  # the first recordings of each digit and speaker are the official test part
KEPT = 12  # bytes of memory for each sample of all recordings, with its copies
LARGEST = 2**28  # bytes that the archive may unpack to; the published one has 21 MB


def open_waves(folder: Path, own: AudioOptions, split: SplitOptions) -> Source:
    """Reads a folder of recordings into memory.

    Args:
        folder: class subfolders are labels; train, valid and test subfolders are parts.
        own: options of recordings.
        split: options of the splits.

    Raises:
        ValueError: if a file is damaged, sampling rates differ, or lengths differ and neither crop nor tile
            is given.
    """
    listing = list_folder(folder)
    source = waves_of(listing, own)
    check_two_files(folder, source.parts, split, "recording")
    return source


def waves_of(listing: Listing, own: AudioOptions, read_one: Callable[[Path], Recording] = read_wav) -> Source:
    """Makes a source of listed recordings.

    Args:
        listing: the files.
        own: options of recordings.
        read_one: reads a file.

    Raises:
        ValueError: if rates differ, or lengths differ and neither crop nor tile is given.
    """
    window = Window(own.crop, own.tile, own.frame)
    read = {name: _read(listing.folder, files, read_one) for name, files in listing.files.items()}
    space = _space(read, window)
    parts = {}
    for name, recordings in read.items():
        x, of = _part(name, recordings, window)
        origins = [listing.files[name][i] for i in of.tolist()]
        labels = listing.labels[name][of] if listing.label_names else None
        sides = path_sides(origins, listing.folder, listing.below[name])
        parts[name] = Part(x, labels, sides=sides)
    source = _source(listing.folder.resolve().name, space, parts, window, listing.label_names)
    source = _noted(source, [r for recordings in read.values() for r in recordings])
    left_out = listing.said_left_out.replace(" left out", "")
    return source.noted("left out", left_out) if left_out else source


def _read(folder: Path, files: Sequence[Path], read_one: Callable[[Path], Recording]) -> list[Recording]:
    """Reads the recordings of a part; raises if together they exceed the limit of memory."""
    read: list[Recording] = []
    samples, size = 0, sum(path.stat().st_size for path in files)
    for path in files:
        read.append(read_one(path))
        samples += len(read[-1])
        check_memory(folder, KEPT * samples, f"at least {samples:,} samples", size)
    return read


def open_wave(path: Path, own: AudioOptions, split: SplitOptions) -> Source:
    """Reads a single recording; `start`, the offset of each window, is a column for `time=`.

    Args:
        path: the file.
        own: options of recordings.
        split: options of the splits.

    Raises:
        ValueError: if the file is damaged or too short.
    """
    window = Window(own.crop, own.tile, own.frame)
    read = [read_wav(path)]
    space = _space({"train": read}, window)
    x, of = _part("train", read, window)
    sides = {"file": np.full(len(of), path.name, object), "start": np.array(window.starts(len(read[0])))}
    parts = {"train": Part(x, sides=sides)}
    tile = suggested(read)
    cut = {"tile": tile} if window.length is None and len(read[0]) >= ROWS * tile else None
    check_two_files(path, parts, split, "recording", cut)
    return _noted(_source(path.stem, space, parts, window), read)


def _noted(source: Source, read: Sequence[Recording]) -> Source:
    """Adds a note if samples were rounded to single precision."""
    count = sum(r.rounded for r in read)
    said = f"to single precision, 24 bits a sample, in {count:,} recording{'s' * (count > 1)}"
    return source.noted("rounded", said) if count else source


def open_spoken(name: str, own: AudioOptions, split: object) -> Source:
    """Reads the Free Spoken Digit Dataset: {digit}_{speaker}_{index}.wav; indices 0 to 4 are the test part.

    It is read from the zip file of the recordings, or the publisher's of the whole repository.

    Args:
        name: unused: `fsdd`.
        own: options of recordings.
        split: unused: the parts are the official ones.

    Raises:
        ValueError: if the archive is missing, damaged or another one, or neither crop nor tile is given.
    """
    window = Window(own.crop, own.tile, own.frame)
    found = _unzipped(spoken_archive())
    official = {
        "train": [m for m in found if int(m["index"]) >= TESTED],
        "test": [m for m in found if int(m["index"]) < TESTED],
    }
    read = {part: [found[m] for m in members] for part, members in official.items()}
    space = _space(read, window)
    digits = np.array([m["digit"] for members in official.values() for m in members])
    numbers, label_names = encode(digits, SPOKEN)
    parts = {}
    for (part, members), labels in zip(official.items(), numbers.split([len(m) for m in official.values()])):
        x, of = _part(part, read[part], window)
        files = np.array([members[i]["file"] for i in of.tolist()], object)
        parts[part] = Part(x, labels[of], sides={"file": files})
    return _source(SPOKEN, space, parts, window, label_names)


def recordings_of(name_or_path: str | Path) -> list[Recording]:
    """Reads all recordings at a name or path; returns [] if it holds none.

    Raises:
        ValueError: if a file is damaged.
    """
    path = Path(name_or_path).expanduser()
    if name_or_path == SPOKEN:
        return list(_unzipped(spoken_archive()).values())
    if path.suffix.lower() in WAVES and path.is_file():
        return [read_wav(path)]
    listing = list_folder(path) if path.is_dir() and name_or_path not in names.names() else None
    return [read_wav(file) for file in listing.paths] if listing and listing.waves else []


def spoken_archive() -> Path:
    """Returns the path of the archive of the Free Spoken Digit Dataset.

    Raises:
        ValueError: if it is not there; the message says how to get it.
    """
    (archive,) = names.locate(names.find(SPOKEN)).values()
    return archive


def _unzipped(archive: Path) -> dict[re.Match[str], Recording]:
    """Returns the recordings of the archive by the match of their file name, sorted by name."""
    found = {}
    try:
        with zipfile.ZipFile(archive) as file:
            infos = [(m, info) for info in file.infolist() if (m := MEMBER.search(info.filename))]
            # checked before memory is allocated; zipfile never yields more bytes than a member declares
            if sum(info.file_size for _, info in infos) > LARGEST:
                raise ValueError(f"{archive} would unpack to more than {LARGEST >> 20} MiB: fetch it again.")
            for match, info in sorted(infos, key=lambda pair: pair[0]["file"]):
                found[match] = recording(file.read(info), f"{match['file']} in {archive}")
    except BROKEN_ZIP as error:
        raise ValueError(f"{archive} is truncated or no zip file ({error}): fetch it again.") from error
    indices = {int(match["index"]) >= TESTED for match in found}
    if len(indices) < 2:
        raise ValueError(
            f"{archive} lacks recordings/DIGIT_SPEAKER_INDEX.wav with indices below and from {TESTED}: fetch "
            "it again."
        )
    return found


def _space(read: Mapping[str, Sequence[Recording]], window: Window) -> Audio:
    """Returns the space of the rows: all parts share one sampling rate and one length."""
    every = [r for recordings in read.values() for r in recordings]
    rate = one_rate(every)
    check_lengths(window, every)
    log.info("%s", sentence(every, window))
    length = window.length or len(every[0])
    check_frame(window, length)
    return Audio((length,), rate)


def _part(name: str, recordings: Sequence[Recording], window: Window) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns the rows, shape (N, T), and the index of each row's recording, shape (N,)."""
    places = [(i, start) for i, r in enumerate(recordings) for start in window.starts(len(r))]
    if not places:
        raise ValueError(
            f"no recording of {name} is as long as tile={window.tile}: the longest has "
            f"{max(map(len, recordings)):,} samples; choose a shorter window."
        )
    length = window.length or len(recordings[0])
    rows = torch.stack([recordings[i].x[start : start + length] for i, start in places])
    return rows, torch.tensor([i for i, _ in places])


def _source(
    name: str, space: Audio, parts: dict[str, Part], window: Window, label_names: tuple[str, ...] = ()
) -> Source:
    applied = (str(window),) if window.length else ()
    return Source(name, space, parts, label_names, applied, standardize=False, frame=window.frame)
