"""Finds the partner of each file in another folder, by its name without the suffix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.data.listing import Listing, kind_held, list_folder

NAMED = 3  # most names in a message


def partners(listing: Listing, folder: Path) -> Listing:
    """Returns the files of another folder, each at the place of the file of its name.

    Args:
        listing: the files of x.
        folder: the folder of the conditions, laid out as that of x.

    Raises:
        ValueError: if there is no such folder, it holds another kind of file, or a file has no partner.
    """
    other = _listed(listing, folder)
    files, without, beside = _matched(listing, other)
    if without or beside:
        raise _unpaired(listing, folder, without, beside)
    return replace(other, files=files, labels=listing.labels, label_names=listing.label_names)


def _matched(listing: Listing, other: Listing) -> tuple[dict[str, tuple[Path, ...]], list[str], list[str]]:
    """Returns the partners of each part's files, and the names on either side that have none.

    Raises:
        ValueError: if several files of one name could be a partner.
    """
    there: dict[str, tuple[Path, ...]] = {}
    without, beside = [], []
    for part, held in other.files.items():
        files, below = listing.files.get(part, ()), other.below[part]
        found = _paired(files, listing.below.get(part, below), held, below)
        without += [_name(path, listing.below[part]) for path in files if path not in found]
        taken = set(found.values())
        known = {_name(path, below) for path in taken}
        alone = [(path, _name(path, below)) for path in held if path not in taken]
        # a second file of a name that has its partner is told by its suffix
        beside += [path.relative_to(below).as_posix() if name in known else name for path, name in alone]
        if part in listing.files:
            there[part] = tuple(found[path] for path in files if path in found)
    for part in listing.files.keys() - other.files.keys():
        without += [_name(path, listing.below[part]) for path in listing.files[part]]
    return there, without, beside


def _paired(files: Sequence[Path], below: Path, held: Sequence[Path], other: Path) -> dict[Path, Path]:
    """Returns the partner of each file: that of its whole name, or the only one of its name without suffix.

    Args:
        files: files of x, below the folder `below`.
        below: folder of x.
        held: files of the conditions, below the folder `other`.
        other: folder of the conditions.
    """
    whole = {path.relative_to(other): path for path in held}
    found = {path: whole[name] for path in files if (name := path.relative_to(below)) in whole}
    taken = set(found.values())
    free: dict[str, list[Path]] = {}
    for path in held:
        if path not in taken:
            free.setdefault(_name(path, other), []).append(path)
    asking: dict[str, list[Path]] = {}
    for path in files:
        if path not in found and _name(path, below) in free:
            asking.setdefault(_name(path, below), []).append(path)
    for stem, askers in asking.items():
        if len(askers) > 1 or len(free[stem]) > 1:
            listed = " and ".join(map(str, askers + free[stem]))
            raise ValueError(
                f"{listed} have one name, but a pair is two files of one name: rename the others."
            )
        found[askers[0]] = free[stem][0]
    return found


def folders_beside(folder: Path) -> list[Path]:
    """Returns the folders beside a folder that hold files of the same names, in order.

    Args:
        folder: a folder of images or recordings.
    """
    try:
        listing = list_folder(folder)
        names = sorted(path.name for path in folder.resolve().parent.iterdir() if path.is_dir())
    except (ValueError, OSError):
        return []
    above = folder.parent if folder.name else folder.resolve().parent
    near = [above / name for name in names if name != folder.resolve().name]
    return [
        path for path in near if _holds(path, listing.paths[0].relative_to(folder)) and _fits(listing, path)
    ]


def _holds(folder: Path, file: Path) -> bool:
    """Returns True if a folder has a file of this name, with any suffix; large folders are not walked."""
    where = folder / file.parent
    return where.is_dir() and any(path.stem == file.stem for path in where.iterdir())


def _fits(listing: Listing, folder: Path) -> bool:
    try:
        _, without, beside = _matched(listing, list_folder(folder))
    except (ValueError, OSError):
        return False
    return not without and not beside and kind_held(folder) == kind_held(listing.folder)


def _listed(listing: Listing, folder: Path) -> Listing:
    if not folder.is_dir():
        raise _no_folder(listing, folder)
    if folder.resolve() == listing.folder.resolve():
        raise ValueError(
            f"condition='folder:{folder}' names the folder of the data themselves: give the folder that "
            "holds the conditions."
        )
    other = list_folder(folder)
    if kind_held(folder) != kind_held(listing.folder):
        raise ValueError(
            f"{folder} holds {kind_held(folder)}, but {listing.folder} holds {kind_held(listing.folder)}: "
            "give a folder of the same kind."
        )
    return other


def _no_folder(listing: Listing, folder: Path) -> ValueError:
    beside = folders_beside(listing.folder)
    there = f"condition='folder:{folder}' names a folder that is not there"
    if not beside:
        return ValueError(f"{there}: give an existing folder with files of the same names.")
    one = load_with(condition=f"folder:{beside[0]}")
    return Refusal(f"{there}: load the data with {one}, whose files have the same names.", one)


def _unpaired(listing: Listing, folder: Path, without: Sequence[str], beside: Sequence[str]) -> ValueError:
    """Returns the error for files without a partner, with the folder that has all of them if there is one."""
    whole = sum(map(len, listing.files.values()))
    said = []
    if without:
        said.append(
            f"{len(without):,} of {whole:,} files of {listing.folder} {_has(without)} no partner in {folder} "
            f"({_some(without)})"
        )
    if beside:
        said.append(f"{len(beside):,} of {folder} {_has(beside)} none in {listing.folder} ({_some(beside)})")
    mend = "a pair is two files of one name; rename these or move them away"
    better = [path for path in folders_beside(listing.folder) if path.resolve() != folder.resolve()]
    if better:
        one = load_with(condition=f"folder:{better[0]}")
        return Refusal(f"{', and '.join(said)}: {mend}, or, if you meant it, load the data with {one}.", one)
    return Refusal(f"{', and '.join(said)}: {mend}.")


def _has(names: Sequence[str]) -> str:
    return "has" if len(names) == 1 else "have"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "")


def _name(path: Path, below: Path) -> str:
    """Returns the name by which files are paired: the path below the folder, without the suffix."""
    return path.relative_to(below).with_suffix("").as_posix()
