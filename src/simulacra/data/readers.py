"""The registry of readers for `load_data`: kinds of data, their options, and the functions that open them.

A reader recognizes its data, declares its options in a dataclass, and returns a `Source`. To add one, write
its options and its `open` function in a package of its own and add a line to `READERS`. A reader of tables
also names the function that gives a data frame, and one of texts the function that gives `Lines`, from
which new rows for a trained model are read.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from simulacra.core.errors.other_data import check_one_array
from simulacra.core.errors.suggestion import Refusal, command, load_with
from simulacra.core.inputs.tables import is_records, is_table
from simulacra.core.storage.typed_values import wrongly_typed
from simulacra.data import listing
from simulacra.data.arrays.options import ArrayOptions, MemoryOptions
from simulacra.data.audio.options import AudioOptions
from simulacra.data.catalog import names
from simulacra.data.images.options import FolderOptions, PictureOptions
from simulacra.data.motion.options import MotionOptions
from simulacra.data.sources.reader import Reader
from simulacra.data.tables.options import FrameOptions, SheetOptions, TableOptions
from simulacra.data.text.options import CollectionOptions, TextOptions


@dataclass(frozen=True)
class NoOptions:
    """The empty set of options, for kinds of data that have none of their own."""


def _named(kind: str) -> Callable[[Any], bool]:
    return lambda given: isinstance(given, str) and given in names.names() and names.find(given).holds == kind


def _folder(kind: str) -> Callable[[Any], bool]:
    def takes(given: Any) -> bool:
        return isinstance(given, Path) and given.is_dir() and listing.kind_held(given) == kind

    return takes


def _music(given: Any) -> bool:
    from simulacra.data.audio.music import holds_music

    return isinstance(given, Path) and holds_music(given)


def _gzipped(*suffixes: str) -> tuple[str, ...]:
    return tuple(s + end for s in suffixes for end in ("", ".gz"))


def _rows_by_name(given: Any) -> bool:
    return is_table(given) or is_records(given)


def _rows_in_memory(given: Any) -> bool:
    from simulacra.data.arrays.in_memory import is_array

    return is_array(given)


def _data_set(given: Any) -> bool:
    from simulacra.data.arrays.in_memory import is_data_set

    return is_data_set(given)


TEXT = Reader(  # by tokens= alone
    "a text", TextOptions, "text.reader:open_text", takes=lambda given: False, holds="texts"
)
LETTERS = 300  # longest path that an error quotes in full
PICTURES, SOUND, MOTION = listing.KINDS
ARCHIVES = (".zip", ".tar", ".tgz", ".7z", ".rar", ".bz2", ".xz")
READERS: tuple[Reader, ...] = (
    TEXT,
    Reader(
        "a data frame", FrameOptions, "tables.data_frames:open_frame", (), _rows_by_name, "table", "memory"
    ),
    Reader(
        "an array in memory",
        MemoryOptions,
        "arrays.in_memory:open_array",
        (),
        _rows_in_memory,
        place="memory",
    ),
    Reader(
        "a data set in memory", MemoryOptions, "arrays.in_memory:open_data_set", (), _data_set, place="memory"
    ),
    Reader("a toy", NoOptions, "toys:open_toy", (), _named("toy"), place="name"),
    Reader(
        "a collection of music", NoOptions, "catalog.named:open_named", (), _named("music"), "music", "name"
    ),
    Reader(
        "a collection of recordings",
        AudioOptions,
        "audio.recordings:open_spoken",
        takes=_named("recordings"),
        holds="recordings",
        place="name",
    ),
    Reader(
        "a collection of motion",
        MotionOptions,
        "motion.recordings:open_walks",
        (),
        _named("motion"),
        "motion",
        "name",
    ),
    Reader(
        "a collection of texts",
        CollectionOptions,
        "text.named:open_collection",
        (),
        _named("texts"),
        "texts",
        "name",
    ),
    Reader(
        "a collection of images",
        PictureOptions,
        "catalog.named:open_pictures",
        takes=_named("images"),
        holds="images",
        place="name",
    ),
    Reader(
        "a folder of recordings",
        AudioOptions,
        "audio.recordings:open_waves",
        (),
        _folder(SOUND),
        "recordings",
        "folder",
    ),
    Reader(
        "a folder of images",
        FolderOptions,
        "images.folders:open_images",
        (),
        _folder(PICTURES),
        "images",
        "folder",
    ),
    Reader(
        "a folder of motion",
        MotionOptions,
        "motion.recordings:open_motions",
        (),
        _folder(MOTION),
        "motion",
        "folder",
    ),
    Reader("an image", FolderOptions, "images.folders:open_image", listing.IMAGES, holds="images"),
    Reader(
        "a recorded motion", MotionOptions, "motion.recordings:open_motion", listing.MOTIONS, holds="motion"
    ),
    Reader("a recording", AudioOptions, "audio.recordings:open_wave", listing.WAVES, holds="recordings"),
    Reader(
        "a file of music", NoOptions, "audio.music:open_music", (".json", ".json.gz", ".mat"), _music, "music"
    ),
    Reader("an array file", ArrayOptions, "arrays.files:open_arrays", (".npy", ".npz", ".mat")),
    Reader(
        "a table",
        TableOptions,
        "tables.files:open_table",
        _gzipped(".csv", ".tsv", ".txt", ".data", ".dat", ".tab"),
        holds="table",
    ),
    Reader(
        "a spreadsheet",
        SheetOptions,
        "tables.sheets:open_sheet",
        (".xlsx", ".xlsm", ".xls", ".ods"),
        holds="table",
        frame="tables.sheets:sheet_cells",
    ),
    Reader(
        "a Parquet file",
        FrameOptions,
        "tables.sheets:open_parquet",
        (".parquet", ".feather"),
        holds="table",
        frame="tables.sheets:parquet_frame",
    ),
)
SUFFIXES = tuple(dict.fromkeys(s for reader in READERS for s in reader.suffixes if not s.endswith(".gz")))


def find_reader(given: Any, own: Mapping[str, Any] | None = None) -> tuple[Reader, Any]:
    """Returns the reader for the given data, and the object, name or `Path` that it opens.

    Args:
        given: a name, a path, or data in memory.
        own: options of the reader; with `tokens`, files and lists of strings are texts.

    Raises:
        ValueError: if there is no such name or path, or no reader for it.

    Example:
        >>> find_reader("digits")[0].kind, find_reader({"age": [1, 2]})[0].kind
        ('a collection of images', 'a data frame')
    """
    named = isinstance(given, str) and given in names.names()
    wanted = Path(given).expanduser() if isinstance(given, (str, Path)) and not named else given
    if isinstance(wanted, Path) and not _is_there(wanted):
        raise _no_such(given, wanted)
    if (own or {}).get("tokens") is not None and not isinstance(wanted, str):
        formatted = reader_of_texts(wanted)
        if formatted is not None:
            return formatted, wanted
        check_texts(wanted)
        if _holds_text(wanted):
            return TEXT, wanted
    if not isinstance(wanted, (str, Path)) and _holds_text(wanted):
        one = load_with(tokens="words")
        raise Refusal(f"a list of texts needs to know what a token is: load it with {one}.", one)
    check_one_array(wanted)
    for reader in READERS:
        if reader.reads(wanted):
            return reader, wanted
    if isinstance(wanted, Path) and wanted.suffix.lower() in ARCHIVES:
        raise ValueError(f"{wanted} is an archive: unpack it and give the folder or the file in it.")
    if isinstance(wanted, Path):
        raise ValueError(
            f"{wanted} has the unknown extension {wanted.suffix or '(none)'!r}: give a folder of images or "
            f"recordings, or a file ending in {', '.join(SUFFIXES)} (text tables and music also with .gz)."
        )
    raise ValueError(
        f"load_data takes a name, a path, a data frame, an array or a data set, not {type(given).__name__}: "
        "give one of these."
    )


def reader_of_texts(given: Any) -> Reader | None:
    """Returns the reader of files with texts in a format of their own; None for plain text and other data.

    Args:
        given: a path, or data in memory.
    """
    return next((reader for reader in READERS if reader.lines and reader.reads(given)), None)


def _holds_text(given: Any) -> bool:
    """Returns True for a file, and for strings in memory."""
    from simulacra.core.inputs.strings import strings_in

    if isinstance(given, (str, Path)):
        return isinstance(given, Path) and given.is_file()
    return bool(strings_in(given))


def check_texts(given: Any) -> None:
    """Checks data that are to be read as texts.

    Args:
        given: a path, or data in memory.

    Raises:
        ValueError: if `tokens=` does not read them: typed tables, and lists with other entries.
    """
    from simulacra.data.text.detection import check_all_texts, of_a_typed_table

    for reader in READERS:
        if (reader.frame or (reader.tables and reader.place == "memory")) and reader.reads(given):
            raise of_a_typed_table(given, reader.kind)
    check_all_texts(given)


def _is_there(path: Path) -> bool:
    """Returns True if there is a file or folder at the path.

    Raises:
        ValueError: if the path is invalid, or a pipe, socket or device, which may never end.
    """
    short = f"{str(path)[:LETTERS]}..." if len(str(path)) > LETTERS else str(path)
    try:
        there = path.exists()
    except OSError as error:
        raise ValueError(
            f"{short} cannot be accessed ({error.strerror}): give an existing file or folder."
        ) from error
    if there and not (path.is_file() or path.is_dir()):
        raise ValueError(
            f"{short} is a pipe, a socket or a device: write what it gives to a file, and give that."
        )
    return there


def _no_such(given: str | Path, path: Path) -> ValueError:
    text = str(given)
    if isinstance(given, Path) or "/" in text or "\\" in text or path.suffix:
        listed = command("data")
        return Refusal(
            f"{text} does not exist: give an existing file or folder, or a name from {listed}.", listed
        )
    try:
        names.find(text)
    except ValueError as error:
        return error
    raise AssertionError(text)


def own_options() -> dict[str, Any]:
    """Returns every option of any reader, with its default.

    Example:
        >>> own_options()["missing"], "tile" in own_options()
        ('error', True)
    """
    every = (field for reader in READERS for field in dataclasses.fields(reader.options))
    return {field.name: field.default for field in every}


def options_for(reader: Reader, given: Mapping[str, Any], what: str, common: Iterable[str] = ()) -> Any:
    """Returns the options of a reader, as an instance of its dataclass.

    Args:
        reader: the reader.
        given: values by option name; options that only other readers have must be at their default.
        what: the data that are read, for errors.
        common: names of the options that all readers share, which the message may suggest, too.

    Raises:
        ValueError: if the reader does not have an option; the message suggests the nearest one.

    Example:
        >>> options_for(find_reader("digits")[0], {"sise": 8}, "digits")
        Traceback (most recent call last):
        ValueError: sise=8 is no option of digits, a collection of images; did you mean size=?
    """
    defaults, taken = own_options(), [field.name for field in dataclasses.fields(reader.options)]
    for name, value in given.items():
        if name not in taken and not (name in defaults and _same(value, defaults[name])):
            # an option of other readers is no misspelling
            how = _suggestion(name, taken, () if name in defaults else common)
            raise ValueError(f"{name}={_brief(value)} is no option of {what}, {reader.kind}; {how}")
    values = {name: value for name, value in given.items() if name in taken}
    check_choices(reader.options, values)
    check_types(reader.options, values)
    return reader.options(**values)


def _same(value: Any, default: Any) -> bool:
    return value is default or (isinstance(value, (str, int, float, bool)) and value == default)


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else type(value).__name__


def _suggestion(name: str, taken: list[str], common: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, [*taken, *common], 1, 0.6)
    if near:
        return f"did you mean {near[0]}=?"
    listed = ", ".join(f"{known}=" for known in taken)
    return f"it takes {listed}: leave it out." if taken else "leave it out."


def check_choices(owner: Any, values: Mapping[str, Any]) -> None:
    """Raises ValueError if an option is none of the words of its `Literal` type.

    Args:
        owner: the class or function whose annotations are used.
        values: values by option name.
    """
    for name, annotation in get_type_hints(owner).items():
        parts = (annotation, *get_args(annotation))
        words = [word for part in parts if get_origin(part) is Literal for word in get_args(part)]
        value = values.get(name)
        if words and value is not None and value not in words:
            raise ValueError(f"{name}={value!r} is unknown; choose from {', '.join(map(repr, words))}.")


def check_types(owner: Any, values: Mapping[str, Any]) -> None:
    """Raises ValueError if an option has another type than declared.

    Args:
        owner: the class or function whose annotations are used.
        values: values by option name.
    """
    # size= accepts text, numbers and pairs, and has its own check
    wrong = wrongly_typed(owner, {name: value for name, value in values.items() if name != "size"})
    if wrong is not None:
        raise ValueError(f"{wrong}.")
