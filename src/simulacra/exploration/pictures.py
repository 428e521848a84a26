"""The pictures of a run: those that the model's capabilities and the space of the data allow.

What shows rows of the data (reconstructions, neighbours, ends of interpolations) goes to `private/`
in the run folder; what the model draws by itself stands beside it.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from matplotlib.figure import Figure
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from simulacra.core import capabilities as can
from simulacra.core.model import Model
from simulacra.core.space import Binary, Real
from simulacra.data.dataset import Dataset
from simulacra.exploration import style
from simulacra.exploration.album import Album
from simulacra.exploration.curves import training_curves
from simulacra.exploration.interpolate import How, decoded, interpolations, path
from simulacra.exploration.maps import latent_map
from simulacra.exploration.sheet import joined, plate, sheet
from simulacra.exploration.views import view

POINTS = 500  # samples of a scatter or a histogram
SEARCHED = 200  # samples among which the nearest to training rows are looked for
TRAINING = 20_000  # training rows that are looked at
COLUMNS = 10
PRIVATE = "private"
NOTICE = """\
The pictures in this folder show rows of the data set, not only what the model drew: reconstructions,
nearest training rows, ends of interpolations. Look at the licence of the data, and at whom they show,
before you pass them on.
"""


def pictures(
    model: Model,
    data: Dataset,
    folder: str | Path,
    seed: int = 0,
    metrics: Sequence[Mapping[str, str]] | None = None,
) -> dict[str, Path]:
    """Write the pictures of a trained model into a run folder.

    Args:
        folder: where `metrics.csv` may lie; private pictures go to its `private/`.
        metrics: rows of the metrics; None: those of the folder.

    Returns:
        name -> path of each picture that was drawn.

    Raises:
        ValueError: if model and data do not fit.

    Example:
        >>> import simulacra, tempfile
        >>> data = simulacra.load_data("ring")
        >>> sorted(pictures(simulacra.PPCA(data.space, latent=1), data, tempfile.mkdtemp()))
        ['latent_map', 'samples', 'samples_and_data']
    """
    if model.space != data.space:
        raise ValueError(f"the model was built for {model.space}, but {data.name} holds {data.space}.")
    folder = Path(folder)
    album = Album(model, data, seed, _metrics(folder) if metrics is None else metrics)
    drawn: dict[str, Path] = {}
    for picture in PICTURES:
        figure = picture.draw(album)
        if figure is not None:
            place = _private(folder) if picture.private(album) else folder
            drawn[picture.name] = style.save(figure, place / f"{picture.name}.png")
    return drawn


def _private(folder: Path) -> Path:
    """The folder of what shows rows of the data, with a notice that says so."""
    place = folder / PRIVATE
    place.mkdir(parents=True, exist_ok=True)
    (place / "README.txt").write_text(NOTICE, encoding="utf-8")
    return place


def _metrics(folder: Path) -> list[dict[str, str]]:
    if not (folder / "metrics.csv").is_file():
        return []
    with open(folder / "metrics.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def samples(album: Album) -> Figure | None:
    """Draws of the model; a row for each class where it takes one."""
    if not album.can(can.Samples):
        return None
    title = f"{type(album.model).__name__}: samples"
    if isinstance(album.model.space, Binary) and not isinstance(album.space, Binary):
        title += " (each pixel drawn black or white)"
    if not album.space.image:
        x = album.model.sample(POINTS, album.conditions(POINTS), album.seed)
        return view(album.space, x, title=title)
    rows = album.classes if 0 < album.classes <= 20 else 8
    x = album.model.sample(rows * COLUMNS, album.conditions(rows * COLUMNS), album.seed)
    names = album.class_names() if rows == album.classes else ()
    return sheet(album.space, x.unflatten(0, (rows, COLUMNS)), title, names)


def samples_and_data(album: Album) -> Figure | None:
    """Samples over held-out rows, for what is no image."""
    if not album.can(can.Samples) or album.space.image:
        return None
    rows = album.held_out
    batch = rows.rows(torch.arange(min(POINTS, len(rows))))
    # a picture leaves out what is missing, and a tensor has no other word for it than NaN
    other = batch.x if batch.known is None else batch.x.double().masked_fill(~batch.known, torch.nan)
    x = album.model.sample(POINTS, album.conditions(POINTS), album.seed)
    return view(album.space, x, title=f"{type(album.model).__name__}: samples and data", other=other)


def random_codes(album: Album) -> Figure | None:
    """Expectations of x at random codes: samples without the noise of each pixel."""
    if not album.has_prior or not album.space.image:
        return None
    rows = album.classes if 0 < album.classes <= 20 else 8
    if album.conditional and rows != album.classes:
        return None
    if album.classes:
        # one code a column, one class a row: what is kept down a column is style
        z = album.codes("random", COLUMNS).repeat(rows, 1)
        title, names = "One random code a column, one class a row", album.class_names()
    else:
        z = album.codes("random", rows * COLUMNS)
        title, names = "Expected images of random codes", []
    x = album.model.decode(z, album.conditions(rows * COLUMNS))
    return sheet(album.space, x.unflatten(0, (rows, COLUMNS)), title, names)


def reconstructions(album: Album) -> Figure | None:
    """Held-out rows above what the model makes of their codes."""
    if not album.can(can.Encodes, can.Decodes) or not album.space.image:
        return None
    rows = album.varied(COLUMNS)
    x = rows.x
    c = rows.c if album.conditional else None
    pair = torch.stack([x.double(), album.model.reconstruct(x, c, album.seed).cpu().double()])
    return sheet(album.space, pair, "Reconstructions of held-out images", ["original", "reconstruction"])


def latent(album: Album) -> Figure | None:
    """The encoder's map, the decoder's, and both."""
    if not album.can(can.Encodes) or len(album.embedding.codes) < 2:
        return None
    title = f"{type(album.model).__name__}: latent map of {album.data.name}"
    plane = album.plane if album.can(can.Decodes) else None
    lattice = album.lattice if album.space.image and plane is not None else None
    return latent_map(album.embedding, album.data.label_names, plane, album.space, lattice, title)


def manifold_picture(album: Album) -> Figure | None:
    """The decoded lattice."""
    small = isinstance(album.space, Real) and album.space.dims == 2
    if not (album.space.image or (small and album.has_prior)) or album.lattice is None:
        return None
    lattice = album.lattice
    n = round(len(lattice) ** 0.5)
    standard = album.plane.standard
    title = "Manifold: " + ("cells of equal prior probability" if standard else "along the main directions")
    if not album.space.image:
        return view(album.space, lattice, title=title)
    return plate(joined(album.space, lattice, n), title=title)


def interpolation_picture(album: Album) -> Figure | None:
    """Paths between codes of the prior; without a prior, between held-out rows."""
    if not album.can(can.Encodes, can.Decodes) or not album.space.image:
        return None
    rows, steps = 8, 11
    model, c = album.model, album.conditions(8)
    if album.has_prior:
        first, last = _far_apart(album.codes("ends", 6 * rows).cpu(), rows)
        how: How = "slerp" if first.shape[1] > 1 else "lerp"
        between = decoded(model, path(first, last, steps, how), c)
        title = f"Interpolations between random codes ({how})"
    else:
        rows = min(rows, len(album.held_out) // 2)
        if not rows:
            return None
        chosen = album.varied(2 * rows)
        c = chosen.c[:rows] if album.conditional and chosen.c is not None else None
        between = interpolations(model, chosen.x[:rows], chosen.x[rows:], steps, "lerp", c)
        title = "Interpolations between held-out images (lerp)"
    return sheet(album.space, between, title)


def _far_apart(codes: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """n of the codes, and for each the farthest of five others: near ones would show no change."""
    first, others = codes[:n], codes[n : 6 * n].unflatten(0, (n, 5))
    farthest = (others - first.unsqueeze(1)).norm(dim=2).argmax(1)
    return first, others[torch.arange(n), farthest]


def neighbours(album: Album) -> Figure | None:
    """The samples nearest to training rows, beside those rows (row F28)."""
    if not album.can(can.Samples) or not album.space.image:
        return None
    x = album.model.sample(SEARCHED, album.conditions(SEARCHED), album.seed).cpu()
    train = album.data.train.rows(torch.arange(min(TRAINING, len(album.data.train)))).x.cpu()
    flat = lambda t: album.space.features(t, torch.float32).flatten(1).numpy()
    search = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(flat(train))
    distances, index = (torch.as_tensor(a).squeeze(1) for a in search.kneighbors(flat(x)))
    worst = distances.argsort()[:COLUMNS]
    pair = torch.stack([x[worst].double(), train[index[worst]].double()])
    captions = [f"{d:.2f}" for d in distances[worst].tolist()]
    title = f"The {COLUMNS} of {SEARCHED} samples nearest to a training image, with their distances"
    return sheet(album.space, pair, title, ["sample", "training image"], captions=captions)


def curves(album: Album) -> Figure | None:
    """What training recorded."""
    name = type(album.model).__name__
    return training_curves(album.metrics, f"{name}: training on {album.data.name}") if album.metrics else None


@dataclass(frozen=True)
class Picture:
    """A picture by its file's name.

    Args:
        draw: gives None where capabilities or space do not allow it.
        private: whether it shows rows of the data.
    """

    name: str
    draw: Callable[[Album], Figure | None]
    private: Callable[[Album], bool] = lambda album: False


PICTURES: tuple[Picture, ...] = (
    Picture("samples", samples),
    Picture("samples_and_data", samples_and_data, lambda album: True),
    Picture("random_codes", random_codes),
    Picture("reconstructions", reconstructions, lambda album: True),
    Picture("latent_map", latent),
    Picture("manifold", manifold_picture),
    Picture("interpolations", interpolation_picture, lambda album: not album.has_prior),
    Picture("training_curves", curves),
    Picture("neighbours", neighbours, lambda album: True),
)
