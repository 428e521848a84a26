"""`simulacra sample RUN`: draws from a model, as a picture or as numbers in the data's own units."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulacra.cli.command import call
from simulacra.cli.nearest import hint
from simulacra.cli.said import say

if TYPE_CHECKING:
    import numpy as np

    from simulacra.core.model import Model


def run(words: Sequence[str]) -> int:
    """Draw samples."""
    return call("sample", sample, words)


def sample(
    run: str, *, n: int = 16, seed: int = 0, condition: str | None = None, out: str | None = None
) -> int:
    """Draw samples from a trained model and write them to a file.

    Args:
        n: number of samples.
        seed: same seed, same samples, whatever n is.
        condition: a class, by name or number, or one for each sample with commas between; by default
            the classes in turn.
        out: a .png, .npy, .npz or .csv file, or for images a folder (ending in /) that gets one PNG
            each at its own depth; by default samples/seed-SEED.png in the run folder.
    """
    if n < 1:
        raise ValueError(f"--n is {n}, but it must be at least 1.")
    home = Path(run).parent if Path(run).is_file() else Path(run)
    path = Path(out) if out else home / "samples" / f"seed-{seed}.png"
    each = out is not None and out.endswith(("/", "\\"))
    if not each and path.suffix.lower() not in WRITERS:
        raise ValueError(f"--out {path} must end in {', '.join(WRITERS)}, or in / for a folder of images.")
    from simulacra.exploration.watch import in_turn
    from simulacra.training.run import load_model

    model = load_model(run)
    given = in_turn(model, n) if condition is None else _condition(model, condition)
    x = model.sample(n, given, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    (_images if each else WRITERS[path.suffix.lower()])(model, x.cpu().numpy(), path)
    say(f"{n} samples: {path}")
    return 0


def _condition(model: Model, text: str) -> Any:
    """Class numbers from names or numbers.

    Raises:
        ValueError: if the model takes none, or a word is no class.
    """
    import torch

    if model.condition is None:
        raise ValueError(f"{type(model).__name__} was trained without a condition: leave out --condition.")
    names = list(getattr(model.condition, "names", ())) or list(model.label_names)
    numbers = [_number(word.strip(), names) for word in text.split(",")]
    return torch.tensor(numbers[0] if len(numbers) == 1 else numbers)


def _number(word: str, names: list[str]) -> float:
    if word in names:
        return names.index(word)
    try:
        return int(word) if word.lstrip("-").isdigit() else float(word)
    except ValueError as error:
        raise ValueError(f"condition {word!r} is no class; {hint(word, names)}") from error


def _picture(model: Model, x: np.ndarray, path: Path) -> None:
    from simulacra.core.space import Levels
    from simulacra.exploration import view

    raw = model.preprocessing.raw
    view(raw, x, path, title=f"{type(model).__name__}: samples")
    if isinstance(raw, Levels) and raw.levels > 256:
        say(f"the picture shows {raw.levels:,} levels as 256; --out with .npy, .npz or a folder/ keeps them")


def _images(model: Model, x: np.ndarray, folder: Path) -> None:
    """One PNG for each image."""
    from simulacra.core.pixels import save_png

    raw = model.preprocessing.raw
    if not raw.image:
        raise ValueError(f"--out {folder}/ is for images, but the model was trained on {raw}: give a file.")
    folder.mkdir(exist_ok=True)
    if any(folder.iterdir()):
        raise ValueError(f"--out {folder}/ holds files already: give a folder that is empty.")
    levels = getattr(raw, "levels", 2)
    for i, pixels in enumerate(x):
        save_png(pixels, levels, folder / f"{i:0{len(str(len(x) - 1))}d}.png")


def _npy(model: Model, x: np.ndarray, path: Path) -> None:
    _binary(path, lambda file: _numpy().save(file, x, allow_pickle=False))


def _npz(model: Model, x: np.ndarray, path: Path) -> None:
    _binary(path, lambda file: _numpy().savez_compressed(file, x=x))


def _csv(model: Model, x: np.ndarray, path: Path) -> None:
    """One row a sample, with the columns of a table; images and sequences are flattened."""
    import torch

    from simulacra.core.composite import Fields
    from simulacra.core.files import write_atomically
    from simulacra.core.frames import write_csv

    raw, flat = model.preprocessing.raw, x.reshape(len(x), -1)
    if isinstance(raw, Fields):
        write_csv(raw, torch.from_numpy(x), path)
        return

    def write(aside: Path) -> None:
        with open(aside, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow([f"x{i + 1}" for i in range(flat.shape[1])])
            writer.writerows(flat.tolist())

    write_atomically(path, write)


def _binary(path: Path, save: Callable[[Any], None]) -> None:
    from simulacra.core.files import write_atomically

    def write(aside: Path) -> None:
        with open(aside, "wb") as file:
            save(file)

    write_atomically(path, write)


def _numpy() -> Any:
    import numpy

    return numpy


WRITERS: dict[str, Callable[[Model, np.ndarray, Path], None]] = {
    ".png": _picture,
    ".npy": _npy,
    ".npz": _npz,
    ".csv": _csv,
}
