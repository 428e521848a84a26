"""What the pictures of a run show, one function each; `pictures` says what each of them needs."""

from __future__ import annotations

import torch
from matplotlib.figure import Figure
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from simulacra.core import capabilities as can
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


def samples(album: Album) -> Figure:
    """Draws of the model; a row for each class where it takes one."""
    title = f"{type(album.model).__name__}: samples{album.binarised}"
    if not album.space.image:
        x = album.model.sample(POINTS, album.conditions(POINTS), album.seed)
        return view(album.space, x, title=title)
    rows = album.classes if 0 < album.classes <= 20 else 8
    x = album.model.sample(rows * COLUMNS, album.conditions(rows * COLUMNS), album.seed)
    names = album.class_names() if rows == album.classes else ()
    return sheet(album.space, x.unflatten(0, (rows, COLUMNS)), title, names)


def samples_and_data(album: Album) -> Figure:
    """Samples over held-out rows, for what is no image."""
    rows = album.held_out
    batch = rows.rows(torch.arange(min(POINTS, len(rows))))
    # a picture leaves out what is missing, and a tensor has no other word for it than NaN
    other = batch.x if batch.known is None else batch.x.double().masked_fill(~batch.known, torch.nan)
    x = album.model.sample(POINTS, album.conditions(POINTS), album.seed)
    return view(album.space, x, title=f"{type(album.model).__name__}: samples and data", other=other)


def random_codes(album: Album) -> Figure:
    """Expectations of x at random codes: samples without the noise of each pixel."""
    rows = album.classes if 0 < album.classes <= 20 else 8
    if album.classes:
        # one code a column, one class a row: what is kept down a column is style
        z = album.codes("random", COLUMNS).repeat(rows, 1)
        title, names = "One random code a column, one class a row", album.class_names()
    else:
        z = album.codes("random", rows * COLUMNS)
        title, names = "Expected images of random codes", []
    x = album.model.decode(z, album.conditions(rows * COLUMNS))
    return sheet(album.space, x.unflatten(0, (rows, COLUMNS)), title, names)


def reconstructions(album: Album) -> Figure:
    """Held-out rows above what the model makes of their codes."""
    rows = album.varied(COLUMNS)
    x = rows.x
    c = rows.c if album.conditional else None
    pair = torch.stack([x.double(), album.model.reconstruct(x, c, album.seed).cpu().double()])
    return sheet(album.space, pair, "Reconstructions of held-out images", ["original", "reconstruction"])


def latent(album: Album) -> Figure:
    """The encoder's map, the decoder's, and both."""
    title = f"{type(album.model).__name__}: latent map of {album.data.name}"
    plane = album.plane if album.can(can.Decodes) else None
    lattice = album.lattice if album.space.image and plane is not None else None
    return latent_map(album.embedding, album.data.label_names, plane, album.space, lattice, title)


def manifold_picture(album: Album) -> Figure:
    """The decoded lattice."""
    lattice = album.lattice
    assert lattice is not None
    n = round(len(lattice) ** 0.5)
    standard = album.plane.standard
    title = "Manifold: " + ("cells of equal prior probability" if standard else "along the main directions")
    if not album.space.image:
        return view(album.space, lattice, title=title)
    return plate(joined(album.space, lattice, n), title=title)


def interpolation_picture(album: Album) -> Figure:
    """Paths between codes of the prior; without a prior, between held-out rows."""
    rows, steps = 8, 11
    model, c = album.model, album.conditions(8)
    if album.has_prior:
        first, last = _far_apart(album.codes("ends", 6 * rows).cpu(), rows)
        how: How = "slerp" if first.shape[1] > 1 else "lerp"
        between = decoded(model, path(first, last, steps, how), c)
        title = f"Interpolations between random codes ({how})"
    else:
        rows = min(rows, len(album.held_out) // 2)
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


def neighbours(album: Album) -> Figure:
    """The samples nearest to training rows, beside those rows (row F28)."""
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
    return training_curves(album.metrics, f"{name}: training on {album.data.name}")
