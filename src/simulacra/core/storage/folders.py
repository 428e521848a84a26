"""Places of outputs: checked before the work, made level by level, filled aside, put in place as a whole."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from simulacra.core.storage.files import ABANDONED, aside_of, remove_unfinished
from simulacra.core.storage.links import unlinked
from simulacra.core.storage.nested import make_folder, remove_empty

# suffixes of a folder that is being written, and of one whose files are being moved into place
PART, PUTTING = ".part", ".putting.part"
UNFINISHED = f".*{PART}"
LONGEST = 255  # bytes of one name in a path


@contextlib.contextmanager
def parents_of(path: Path) -> Iterator[None]:
    """Context with the folders above an output, which are removed again if it is not written.

    Args:
        path: the output.
    """
    made = make_folder(path.parent)
    try:
        yield
    except BaseException:
        remove_empty(made)
        raise


def check_output(path: Path, folder: bool = False, option: str = "--out") -> None:
    """Checks, before any work, that an output can be written at a path.

    Args:
        path: the output.
        folder: True for a folder of files, False for a file.
        option: name of the option that gives the path.

    Raises:
        ValueError: if a file stands in the place of a folder or a folder in that of a file, a folder above is
            a file or cannot be written, or a name is too long.
    """
    check_length(path, option)
    said = f"{option} {path}"
    if folder and os.path.lexists(path) and not path.is_dir():
        raise ValueError(f"{said} is a file: give a folder, such as {path.with_name(f'{path.name}-files')}.")
    if not folder and path.is_dir():
        raise ValueError(f"{said} is a folder: give a file, such as {path / 'answers'}{path.suffix}.")
    above = next(parent for parent in path.absolute().parents if os.path.lexists(parent))
    if not above.is_dir():
        raise ValueError(f"{said} lies below {above}, which is a file: give another place.")
    inside = path if folder and path.is_dir() else above
    if not os.access(inside, os.W_OK | os.X_OK):
        raise ValueError(f"{said} cannot be written, since {inside} is closed to you: give another place.")


def check_length(path: Path, option: str = "--out") -> None:
    """Raises ValueError if a name in a path has more bytes than file systems take.

    Args:
        path: the output.
        option: name of the option that gives the path.
    """
    longest = max((len(os.fsencode(part)) for part in path.parts), default=0)
    if longest > LONGEST:
        raise ValueError(
            f"{option} {path} has a name of {longest:,} bytes, but at most {LONGEST} are possible: give a "
            "shorter one."
        )


def holds_files(folder: Path) -> bool:
    """Returns True if a folder holds anything but what a process that was stopped has left unfinished.

    Args:
        folder: the folder.
    """
    return folder.is_dir() and any(not path.match(UNFINISHED) for path in folder.iterdir())


def holds_part(folder: Path) -> bool:
    """Returns True if a process was killed while it put files into a folder, so that some are missing.

    Args:
        folder: a folder that holds files.
    """
    return holds_files(folder) and any(folder.glob(f".*{PUTTING}"))


def write_folder(folder: Path, fill: Callable[[Path], object]) -> None:
    """Lets `fill` make a folder aside, then puts it in place, so that no reader finds it half full.

    Args:
        folder: the folder, new or empty; one that is there stays, and is filled when all is written.
        fill: writes the files below the folder that it is given.

    Raises:
        ValueError: if a file cannot be written, or the folder holds files by then; then none is left.
    """
    there = folder.is_dir()
    swapped = there and _may_be_swapped(folder)
    place = folder.resolve() if swapped else folder
    aside = unlinked(folder / aside_of(folder).name if there and not swapped else aside_of(place))
    if there:
        remove_unfinished(folder, ABANDONED)
    try:
        aside.mkdir()
        fill(aside)
        if there and not swapped:
            _put(aside, folder)
            return
        if swapped:
            _check_empty(folder)
            shutil.copymode(folder, aside)
        os.replace(aside, place)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ValueError(f"{folder} could not be written ({reason}); no file was left in it.") from error
    except ValueError as error:
        if str(aside) in str(error):
            raise ValueError(str(error).replace(str(aside), str(folder))) from error
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _may_be_swapped(folder: Path) -> bool:
    """Returns True if a full folder can take the place of an empty one by a single rename.

    It cannot on Windows, at a mount point, if the parent folder is not writable, or if the working directory
    lies within the folder. A folder of another user would change its owner.
    """
    try:
        place = folder.resolve()
        if os.name != "posix" or os.path.ismount(place) or any(place.iterdir()):
            return False
        stands = Path.cwd().resolve().is_relative_to(place)
        return (
            not stands and os.access(place.parent, os.W_OK | os.X_OK) and place.stat().st_uid == os.getuid()
        )
    except OSError:
        return False


def _check_empty(folder: Path) -> None:
    if holds_files(folder):
        raise ValueError(f"{folder} holds files by now: give a folder that is empty.")


def _put(aside: Path, folder: Path) -> None:
    """Moves the contents of a folder into its parent folder, and removes all of them if that fails.

    If the process is killed meanwhile, the rest stays in a hidden folder, which `holds_part` detects.
    """
    _check_empty(folder)
    moved = []
    rest = aside.with_name(f"{aside.name.removesuffix(PART)}{PUTTING}")
    os.replace(aside, rest)
    try:
        for path in sorted(rest.iterdir()):
            os.replace(path, folder / path.name)
            moved.append(folder / path.name)
    except BaseException:
        for path in moved:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        raise
    finally:
        shutil.rmtree(rest, ignore_errors=True)
