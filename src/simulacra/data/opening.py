"""From a name or a path to a source: which reader it is for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from simulacra.core.intake import is_table
from simulacra.core.waves import Wave
from simulacra.data.audio.windows import Window
from simulacra.data.catalog import names
from simulacra.data.listing import WAVES, list_folder
from simulacra.data.source import Part, Source

ARRAYS = (".npy", ".npz", ".mat")
TABLES = (".csv", ".tsv", ".txt", ".data")
MUSIC = (".json",)
SPOKEN = "fsdd"
# what an option applies to
KINDS_OF = {
    "label": "csv, npz and mat files",
    "types": "tables",
    "levels": "folders of images and npy, npz and mat files",
    "size": "images (no recording is resampled)",
}


def open_source(name_or_path: Any, options: dict[str, Any]) -> Source:
    """The raw data that a name, a path or a data frame stands for.

    Args:
        options: those of `load_data`; a reader takes what it needs.

    Raises:
        ValueError: if there is no such data set, file or folder, or an option does not apply.
    """
    if is_table(name_or_path):
        from simulacra.data.tables.columns import open_frame

        _unused(options, ("key", "levels"), "a data frame")
        return open_frame(name_or_path, options)
    if isinstance(name_or_path, str) and name_or_path in names.names():
        return replace(_by_name(name_or_path, options), origin=name_or_path)
    path = Path(name_or_path).expanduser()
    if not path.exists():
        raise _no_such(name_or_path, path)
    return replace(_by_path(path, options), origin=str(path.resolve()))


def _no_such(given: str | Path, path: Path) -> ValueError:
    text = str(given)
    if isinstance(given, Path) or "/" in text or "\\" in text or path.suffix:
        return ValueError(
            f"{text} does not exist: give an existing file or folder, or a name from `simulacra data`."
        )
    try:
        names.find(text)
    except ValueError as error:
        return error
    raise AssertionError(text)


def _by_name(name: str, options: dict[str, Any]) -> Source:
    _unused(options, ("label", "key", "types", "levels"), name)
    _check_complete(options, name)
    if name == SPOKEN:
        from simulacra.data.audio.recordings import open_spoken

        return open_spoken(_window(options, name))
    if names.find(name).kind != "toy":
        from simulacra.data.catalog.named import open_named

        return open_named(name)
    from simulacra.data.toys import ROWS, TOYS

    toy = TOYS[name]()
    part = Part(toy.sample(ROWS, options["seed"]))
    return Source(name, toy.space, {"train": part}, standardise=False, truth=toy)


def _by_path(path: Path, options: dict[str, Any]) -> Source:
    suffix = path.with_suffix("").suffix.lower() if path.suffix.lower() == ".gz" else path.suffix.lower()
    if path.is_dir() or suffix in WAVES:
        _unused(options, ("label", "key", "types"), str(path))
        _check_complete(options, str(path))
        source = _of_files(path, options)
        _check_two_files(path, source, options)
        return source
    if holds_music(path):
        from simulacra.data.audio.music import open_music

        _unused(options, ("label", "key", "types", "levels"), str(path))
        _check_complete(options, str(path))
        return open_music(path)
    if suffix in ARRAYS and path.suffix.lower() != ".gz":
        from simulacra.data.arrays.files import open_arrays

        _unused(options, ("types",), str(path))
        aside = [options[option] for option in ("groups", "stratify", "time", "splits")]
        asked = (options["key"], options["label"], options["levels"])
        return open_arrays(path, *asked, aside, options["missing"])
    if suffix in TABLES:
        from simulacra.data.tables.files import open_table

        _unused(options, ("key", "levels"), str(path))
        return open_table(path, options)
    raise ValueError(
        f"{path} has the unknown extension {path.suffix or '(none)'!r}: give a folder of images or "
        f"recordings, or a file ending in {', '.join((*ARRAYS, *TABLES, *WAVES, *MUSIC))} (tables and music "
        "also with .gz)."
    )


def holds_music(path: Path) -> bool:
    """Whether a file holds pieces of music: one of JSON does, one of MATLAB may.

    Raises:
        ValueError: if a MATLAB file is damaged.
    """
    from simulacra.data.audio.music import mat_rolls

    name = path.name.lower().removesuffix(".gz")
    return name.endswith(MUSIC) or (name.endswith(".mat") and path.is_file() and bool(mat_rolls(path)))


def _of_files(path: Path, options: dict[str, Any]) -> Source:
    """A folder of images or recordings, or a single recording."""
    listing = list_folder(path) if path.is_dir() else None
    if listing is None or listing.waves:
        from simulacra.data.audio.recordings import open_wave, open_waves

        _unused(options, ("levels",), str(path))
        window = _window(options, str(path))
        return open_waves(listing, window) if listing else open_wave(path, window)
    from simulacra.core.pixels import Geometry
    from simulacra.data.images.folders import open_images

    geometry = Geometry(options["size"], options["crop"], options["tile"])
    return open_images(listing, geometry, options["grey"], options["levels"])


def _window(options: dict[str, Any], name: str) -> Window:
    """What becomes of the length of recordings."""
    _unused(options, ("size",), name)
    if options["grey"]:
        raise ValueError(f"grey=True applies to images, not to {name}: leave it out.")
    for option in ("crop", "tile"):
        if isinstance(options[option], str):
            raise ValueError(
                f"{option}={options[option]!r} has two sides, but {name} holds recordings: give one number."
            )
    return Window(options["crop"], options["tile"])


def _check_two_files(path: Path, source: Source, options: dict[str, Any]) -> None:
    """Raise ValueError where parts are to be cut from a single file, whose rows stay together."""
    files = set(source.parts["train"].sides["file"].tolist())
    kind = "recording" if isinstance(source.space, Wave) else "image"
    wanted = [part for part, share in (("valid", "validation"), ("test", "test")) if options[share]]
    otherwise = any(options[name] for name in ("groups", "time", "splits"))
    if len(files) == 1 and len(source.parts) == 1 and wanted and not otherwise:
        start = "with time=start to test on its end, or " if "start" in source.parts["train"].sides else ""
        raise ValueError(
            f"{path} holds a single {kind}, {next(iter(files))}, which cannot be split into train, "
            f"{' and '.join(wanted)}: add {kind}s, or load it {start}with validation=0 and test=0."
        )


def _check_complete(options: dict[str, Any], name: str) -> None:
    if options["missing"] == "mask":
        raise ValueError(f"missing='mask' applies to tables and arrays, not to {name}: leave it out.")


def _unused(options: dict[str, Any], which: tuple[str, ...], name: str) -> None:
    for option in which:
        if options[option] is not None:
            kinds = KINDS_OF.get(option, "npz and mat files")
            raise ValueError(f"{option}={options[option]!r} applies to {kinds}, not to {name}: leave it out.")
