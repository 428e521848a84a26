"""`plot`: one picture of a run or of a model, in Python and in a notebook.

The pictures are those of `simulacra explore`; `exploration.pictures.registry` lists them.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulacra.core.errors.argument_types import brief
from simulacra.core.errors.calls import checked
from simulacra.core.model import Model
from simulacra.core.storage.files import write_atomically
from simulacra.core.storage.nested import make_folder
from simulacra.data.dataset import Dataset
from simulacra.exploration.drawing.picture import Picture
from simulacra.exploration.live.sample_history import read_history
from simulacra.exploration.pictures.registry import album_of, chosen
from simulacra.training.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Plot:
    """A picture: a notebook shows it, `save` writes it, `figure` is for matplotlib, `data` has the arrays.

    Args:
        name: of the picture.
        data: the picture as arrays, names, axes and scales; `data.json()` is for other renderers.
    """

    name: str
    data: Picture

    @cached_property
    def figure(self) -> Figure:
        """The matplotlib figure, on a canvas of its own; the global state of matplotlib does not change."""
        from simulacra.exploration.rendering.figure import render

        return render(self.data)

    def save(self, path: str | Path) -> Path:
        """Write a PNG file, atomically."""
        path = Path(path)
        make_folder(path.parent)
        write_atomically(path, lambda aside: aside.write_bytes(self.png))
        return path

    @cached_property
    def png(self) -> bytes:
        """The picture as the bytes of a PNG file, drawn once: a second drawing would move the layout."""
        return png_of(self.figure)

    def _repr_png_(self) -> bytes:
        return self.png

    def __repr__(self) -> str:
        from simulacra.exploration.rendering.style import DPI

        width, height = self.figure.get_size_inches() * DPI
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
        name: such as `samples`, `reconstructions`, `latent_map`, `training_curves` or `pairs`.
        data: needed for a model, and for a run whose data were made in memory; None: the data of the run.
        seed: same seed, same picture.
        options: of the picture, such as `known="left"` of `completions`.

    Returns:
        A `Plot` with `data` (arrays, names, axes, scales), `figure` (matplotlib) and `save(path)`.

    Raises:
        ValueError: if there are no data, or model and data do not allow the picture or its options; the
            sentence lists the pictures that they allow.

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
            f"{brief(what)} has no data of its own: give them, as in plot(model, {name!r}, data=data)."
        )
    album = album_of(model, data, seed, metrics, history)
    name = name.replace("-", "_")
    picture = chosen(album, name, options).draw(album, **options)
    if picture is None:
        raise ValueError(f"{name} has nothing to show of {type(model).__name__} on {data.name}.")
    return Plot(name, picture)


def _metrics(run: Run) -> Sequence[Mapping[str, Any]]:
    return run.metrics if (run.path / "metrics.csv").is_file() else []


def png_of(figure: Figure) -> bytes:
    """The figure as the bytes of a PNG file."""
    from simulacra.exploration.rendering.style import DPI, PAPER

    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DPI, facecolor=PAPER)
    return file.getvalue()
