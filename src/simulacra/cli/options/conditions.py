"""Parses conditions from the command line: classes or numbers, or a file of the kind that the model takes.

a class            by name or number, or one for each row with commas between
a text             as it is, or a .txt file with one in each line
numbers            with commas between, a .csv or an .npy file
a table            a .csv file with its columns
an image           a .png or another image file, a folder of them, or an .npy file
a recording        a .wav or another file of sound, a folder of them, or an .npy file
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulacra.cli.options.nearest_name import hint, nearest

if TYPE_CHECKING:
    from torch import Tensor

    from simulacra.core.model import Model
    from simulacra.core.spaces.composite import Table
    from simulacra.core.spaces.plain import Space

SHOWN = 20  # most classes that an error names


def typed_condition(model: Model, text: str) -> Tensor:
    """Parses a condition into raw rows, shape (n, *): one for all samples, or one for each.

    Args:
        model: model that takes the condition.
        text: classes or numbers with commas between, a text, or the path of a file.

    Raises:
        ValueError: if the model takes no condition, or the text or the file does not fit it.
    """
    import torch

    from simulacra.core.inputs.conditions import condition_rows, is_text
    from simulacra.core.spaces.classes import Categorical, Ordinal

    chain = model.conditioning
    if chain is None:
        raise ValueError(f"{type(model).__name__} was trained without a condition: leave out --condition.")
    raw = chain.raw
    if is_text(raw):
        return condition_rows(raw, _texts(text), None, name="--condition")
    if isinstance(raw, (Categorical, Ordinal)) and not raw.shape:
        names = list(raw.names) or list(model.label_names) or list(map(str, range(raw.classes)))
        return torch.tensor([_class_number(word.strip(), names) for word in text.split(",")])
    numbers = _numbers(text)
    if numbers is not None and raw.shape and len(numbers) != raw.dims:
        many = f"{len(numbers)} number{'s' * (len(numbers) != 1)}"
        raise ValueError(f"--condition has {many}, but the condition is {raw}: it takes {typed(raw)}.")
    given = _from_file(model, Path(text)) if numbers is None else numbers
    return condition_rows(raw, given, None, chain.geometry)


def _texts(text: str) -> list[str]:
    """Returns a text, or the lines of a .txt file, without empty ones at its end."""
    path = Path(text)
    if path.suffix.lower() != ".txt":
        return [text]
    if not path.is_file():
        raise ValueError(f"there is no file {path}: --condition takes a text, or a .txt file of them.")
    from simulacra.data.tables.dialect import decoded

    return decoded(path, None)[0].rstrip().splitlines()


def check_given(model: Model) -> None:
    """Raises ValueError, with what `--condition` takes, if a condition is needed that no class stands for.

    Args:
        model: model that is to be sampled without a condition.
    """
    from simulacra.training.callbacks.looks import takes_no_label

    if model.conditioning is not None and takes_no_label(model):
        raw = model.conditioning.raw
        raise ValueError(
            f"{type(model).__name__} models p(x|c) with c of {raw}: give --condition, {typed(raw)}."
        )


def typed(raw: Space) -> str:
    """Describes what `--condition` takes for a raw space.

    Args:
        raw: raw space of the condition.

    Example:
        >>> from simulacra.core.spaces.plain import Levels
        >>> typed(Levels((1, 8, 8)))
        'a .png or another image file, a folder of them, or an .npy file of shape (N, 8, 8)'
    """
    from simulacra.core.inputs.conditions import accepted, is_text
    from simulacra.core.spaces.audio import Audio
    from simulacra.core.spaces.composite import Table
    from simulacra.core.spaces.plain import Binary, Levels

    shape = f"({', '.join(map(str, ('N', *_listed(raw))))})"
    if isinstance(raw, Table):
        columns = ", ".join(raw.names[:20])
        classes = any(getattr(field, "names", ()) for _, field in raw.fields)
        numbers = "" if classes else f"a number for each of {columns} with commas between, or "
        return f"{numbers}a .csv file with the columns {columns}"
    if is_text(raw):
        return f"{accepted(raw)}, or a .txt file with one in each line"
    if raw.image and isinstance(raw, Levels | Binary):
        return f"a .png or another image file, a folder of them, or an .npy file of shape {shape}"
    if isinstance(raw, Audio):
        return (
            f"a .wav file of {raw.dims:,} samples at {raw.rate:,} Hz, a folder of them, or an .npy file of "
            f"shape {shape}"
        )
    if len(raw.shape) == 1:
        return f"{raw.dims} numbers with commas between, a .csv file of {raw.dims} columns, or an .npy file"
    return (
        f"an .npy file of shape {shape}" if raw.shape else f"{accepted(raw)}, or an .npy file of shape (N,)"
    )


def _listed(raw: Space) -> tuple[int, ...]:
    """Returns the shape of one condition in a file; images have their channels last, or none if single."""
    if not raw.image:
        return raw.shape
    channels, height, width = raw.shape
    return (height, width) if channels == 1 else (height, width, channels)


def _class_number(word: str, names: list[str]) -> float:
    if word in names:
        return names.index(word)
    from simulacra.data.tables.numbers import as_float

    number = as_float(word)
    if number is None:
        more = f", ... ({len(names)} in all)" if len(names) > SHOWN else ""
        known = (
            f"there are {', '.join(names[:SHOWN])}{more}."
            if nearest(word, names) is None
            else hint(word, names)
        )
        raise ValueError(f"condition {word!r} is no class; {known}")
    return int(word) if word.lstrip("-").isdigit() else number


def _numbers(text: str) -> Tensor | None:
    """Returns numbers with commas between, or None if the text is something else."""
    import torch

    from simulacra.data.tables.numbers import as_float

    numbers = [as_float(word) for word in text.split(",")]
    return None if None in numbers else torch.tensor(numbers, dtype=torch.float64)


def _from_file(model: Model, path: Path) -> Any:
    """Reads a file into a form that `condition_rows` takes."""
    from simulacra.core.spaces.audio import Audio
    from simulacra.core.spaces.composite import Table
    from simulacra.core.spaces.plain import Binary, Levels
    from simulacra.data.listing import IMAGES, WAVES

    assert model.conditioning is not None
    raw = model.conditioning.raw
    suffix, pictures = path.suffix.lower(), raw.image and isinstance(raw, Levels | Binary)
    if path.is_dir() and (pictures or isinstance(raw, Audio)):
        return _from_folder(model, raw, path)
    if not path.is_file():
        what = f"there is no file {path}" if suffix else f"condition {str(path)!r} is no file"
        raise ValueError(f"{what}: --condition takes {typed(raw)}.")
    if suffix == ".npy" and not isinstance(raw, Table):
        from simulacra.data.arrays.npy import read_npy

        return read_npy(path)
    if suffix in IMAGES and pictures:
        return [_picture(model, path)]
    if suffix in WAVES and isinstance(raw, Audio):
        return _recording(model, raw, path)
    if suffix == ".csv" and (isinstance(raw, Table) or len(raw.shape) == 1):
        return _table(raw, path)
    raise ValueError(f"{path} does not fit {raw}: --condition takes {typed(raw)}.")


def _from_folder(model: Model, raw: Space, path: Path) -> Any:
    """Returns the images or recordings of a folder, in the order of their names."""
    from simulacra.data.listing import IMAGES, WAVES

    kinds = IMAGES if raw.image else WAVES
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in kinds)
    if not files:
        what = "images" if raw.image else "recordings"
        raise ValueError(f"{path} holds no {what}: --condition takes {typed(raw)}.")
    if raw.image:
        return [_picture(model, file) for file in files]
    import torch

    return torch.stack([_recording(model, raw, file) for file in files])


def _picture(model: Model, path: Path) -> Any:
    from PIL import Image, ImageOps

    try:
        image = Image.open(path)
        image.load()
        size = ImageOps.exif_transpose(image).size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path} could not be read as an image ({error}): save it again.") from error
    chain = model.conditioning
    assert chain is not None
    _, height, width = chain.raw.shape
    cut = chain.geometry is not None and chain.geometry.side is not None
    if size != (width, height) and not cut and (other := _of_any_size(model)):
        raise ValueError(f"{path} is {size[0]}x{size[1]}, but the condition is {width}x{height}: {other}.")
    return image


def _recording(model: Model, raw: Any, path: Path) -> Any:
    from simulacra.data.audio.wav import read_wav

    found = read_wav(path)
    if (found.rate, len(found)) != (raw.rate, raw.dims):
        other = f", and {said}" if found.rate == raw.rate and (said := _of_any_size(model)) else ""
        raise ValueError(
            f"{path} has {len(found):,} samples at {found.rate:,} Hz: --condition takes {typed(raw)}{other}."
        )
    return found.x


def _of_any_size(model: Model) -> str:
    """Returns a clause on the command that answers files of any size; empty where there is none."""
    from simulacra.core.capabilities.paired import draws_pairs
    from simulacra.core.methods.whole import factors_of

    chain = model.conditioning
    tiled = chain is not None and factors_of(chain.raw, model.preprocessing.raw) is not None
    return "simulacra translate takes files of any size" if tiled and draws_pairs(model) else ""


def _table(raw: Space, path: Path) -> Any:
    """Returns the columns of a .csv file by name, or an array for conditions without names."""
    from simulacra.core.inputs.to_frames import columns_of
    from simulacra.core.spaces.composite import Table
    from simulacra.data.readers import find_reader, options_for
    from simulacra.data.splits.options import SplitOptions

    options = _declared(raw, path) if isinstance(raw, Table) else {"types": "real"}
    reader, wanted = find_reader(path)
    options |= {"missing": "mask"}
    try:
        source = reader.open(wanted, options_for(reader, options, str(path)), SplitOptions())
    except ValueError as error:
        if isinstance(raw, Table):
            raise
        # the reader advises options of load_data, which do not apply here
        reason = str(error).split(": ")[0]
        raise ValueError(f"{reason}: --condition takes {typed(raw)}.") from error
    part: Any = source.parts["train"]
    if part.known is not None:
        row = int((~part.known).any(1).int().argmax())
        raise ValueError(f"{path} lacks a value in row {row} (from 0): every value of a condition is needed.")
    assert isinstance(source.space, Table)
    return columns_of(source.space, part.rows) if isinstance(raw, Table) else part.rows


def _declared(raw: Table, path: Path) -> dict[str, Any]:
    """Returns the options with which a .csv file is read as the columns of a table."""
    from simulacra.data.tables.columns import declaration
    from simulacra.data.tables.declared import EVERY_OTHER
    from simulacra.data.tables.files import read_table
    from simulacra.data.tables.options import TableOptions

    header = True if any(not name.isdecimal() for name in raw.names) else None
    there = read_table(path, TableOptions(header=header)).names
    if absent := [name for name in raw.names if name not in there]:
        raise ValueError(
            f"{path} has no column {absent[0]!r}, only {', '.join(there[:20])}: --condition takes "
            f"{typed(raw)}."
        )
    kinds = {name: declaration(field) for name, field in raw.fields}
    return {"types": {**kinds, EVERY_OTHER: "drop"}, "header": header}
