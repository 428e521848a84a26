"""`plot`: one picture of a run or of a model, in Python and in a notebook.

The pictures are those of `simulacra explore`; `exploration.pictures.registry` says what each of them needs.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from simulacra.core.errors.calls import checked
from simulacra.core.errors.kinds import brief
from simulacra.core.model import Model
from simulacra.core.storage.files import write_atomically
from simulacra.data.dataset import Dataset
from simulacra.exploration.drawing import style
from simulacra.exploration.live.history import read_history
from simulacra.exploration.pictures.registry import album_of, chosen
from simulacra.training.run import Run


@dataclass(frozen=True)
class Plot:
    """A picture: a notebook shows it, `save` writes it, `figure` is that of matplotlib.

    Args:
        name: of the picture.
        figure: on a canvas of its own; no global state of matplotlib is touched.
    """

    name: str
    figure: Figure

    def save(self, path: str | Path) -> Path:
        """Write a PNG file, atomically."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, lambda aside: aside.write_bytes(self.png))
        return path

    @cached_property
    def png(self) -> bytes:
        """The picture as the bytes of a PNG file; made once, since a layout moves when it is drawn again."""
        return png_of(self.figure)

    def _repr_png_(self) -> bytes:
        return self.png

    def __repr__(self) -> str:
        width, height = self.figure.get_size_inches() * style.DPI
        return f"<Plot {self.name}, {width:.0f} x {height:.0f} pixels; save(path) writes it>"


@checked
def plot(
    what: Run | Model,
    name: str = "samples",
    *,
    data: Dataset | None = None,
    seed: int = 0,
    **options: Any,
) -> Plot:
    """One picture of a run, or of a model and data.

    Args:
        what: a run, or a model.
        name: such as `samples`, `reconstructions`, `latent_map`, `training_curves` or `pairs`; a name that
            model and data do not allow is answered with those that they do.
        data: of a model, or of a run whose data were made in memory; None: the run's own.
        seed: same seed, same picture.
        options: of the picture, such as `known="left"` of `completions`.

    Raises:
        ValueError: if there are no data, or model and data do not allow the picture or its options.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("ring")
        >>> plot(simulacra.PPCA(data.space, latent=1), "samples", data=data)
        <Plot samples, 840 x 810 pixels; save(path) writes it>
    """
    model, metrics = (what.model, _metrics(what)) if isinstance(what, Run) else (what, [])
    history = read_history(what.path) if isinstance(what, Run) else None
    data = data or (what.data if isinstance(what, Run) else None)
    if data is None:
        raise ValueError(
            f"{brief(what)} comes without data: give them, as in plot(model, {name!r}, data=data)."
        )
    album = album_of(model, data, seed, metrics, history)
    name = name.replace("-", "_")
    figure = chosen(album, name, options).draw(album, **options)
    if figure is None:
        raise ValueError(f"{name} has nothing to show of {type(model).__name__} on {data.name}.")
    return Plot(name, figure)


def _metrics(run: Run) -> Sequence[Mapping[str, Any]]:
    return run.metrics if (run.path / "metrics.csv").is_file() else []


def png_of(figure: Figure) -> bytes:
    """The figure as the bytes of a PNG file."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=style.DPI, facecolor=style.PAPER)
    return file.getvalue()
