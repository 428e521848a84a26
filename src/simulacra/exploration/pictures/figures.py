"""The pictures of a trained model, one function each.

Every function computes a `Picture` of an album; the registry states what each of them needs.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.tokens import Tokens
from simulacra.exploration.drawing.curves import training_curves
from simulacra.exploration.drawing.picture import Picture
from simulacra.exploration.drawing.sheet import images_of, of_images, sheet
from simulacra.exploration.drawing.spectrogram import spectrogram
from simulacra.exploration.drawing.texts import paths
from simulacra.exploration.drawing.views import view_data
from simulacra.exploration.latent.arithmetic import combined
from simulacra.exploration.latent.interpolation import How, decoded, interpolations, path
from simulacra.exploration.latent.inversion import codes_of, invert
from simulacra.exploration.latent.map import latent_map
from simulacra.exploration.pictures.album import Album
from simulacra.exploration.pictures.completion import known_part, parts_of
from simulacra.exploration.pictures.critic import modes_of, with_modes

POINTS = 500  # samples of a scatter or a histogram
SEARCHED = 200  # samples whose nearest training row is searched for
TRAINING = 20_000  # training rows in the search for neighbours
COLUMNS = 10
WAYS = {"lerp": "straight lines", "slerp": "great circles"}
EACH = 3  # rows of a class whose codes are averaged


def samples(album: Album) -> Picture:
    """Samples of the model, with one row for each class or text if its condition is one."""
    title = f"{type(album.model).__name__}: samples{album.binarized}"
    if not album.space.image:
        x = album.model.sample(POINTS, album.conditions(POINTS), album.seed)
        return view_data(album.space, x, title)
    rows = album.classes if 0 < album.classes <= 20 else 8
    c = album.conditions(rows * COLUMNS)
    x = album.model.sample(rows * COLUMNS, c, album.seed)
    names = album.class_names() if rows == album.classes else album.texts(c)[::COLUMNS]
    return sheet(album.space, x.unflatten(0, (rows, COLUMNS)), title, row_names=names)


def samples_and_data(album: Album) -> Picture:
    """Samples over held-out rows, for data that are not images."""
    batch = album.some(album.held_out, POINTS)
    # pictures leave out NaN
    other = batch.x if batch.known is None else batch.x.double().masked_fill(~batch.known, torch.nan)
    x = album.model.sample(POINTS, album.conditions(POINTS), album.seed)
    crosses = "" if modes_of(album.data) is None else ", crosses at the modes"
    title = f"{type(album.model).__name__}: samples and data{crosses}"
    return with_modes(view_data(album.space, x, title, other), album)


def spectrograms(album: Album) -> Picture:
    """Spectrograms of samples over those of held-out recordings, for the conditions of these."""
    batch = album.some(album.held_out, POINTS)
    x = album.model.sample(POINTS, album.conditions(POINTS), album.seed)
    assert isinstance(album.space, Audio)
    title = f"{type(album.model).__name__}: samples and data, decibels"
    return spectrogram(album.space, torch.as_tensor(x), torch.as_tensor(batch.x), title)


def random_codes(album: Album) -> Picture:
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
    return sheet(album.space, x.unflatten(0, (rows, COLUMNS)), title, row_names=names)


def reconstructions(album: Album) -> Picture:
    """Held-out rows above their reconstructions."""
    rows = album.varied(COLUMNS)
    x = rows.x
    c = rows.c if album.conditional else None
    pair = torch.stack([x.double(), album.model.reconstruct(x, c, album.seed).cpu().double()])
    names = ["original", "reconstruction"]
    return sheet(album.space, pair, "Reconstructions of held-out images", row_names=names)


def analogies(album: Album) -> Picture:
    """Held-out images, one of each class, and what they become in every class: rows of one style.

    Args:
        album: images, and a model that leads them to the classes of its condition.
    """
    targets = can.able(album.model, can.Translates).targets
    assert targets is not None
    rows = album.varied(min(COLUMNS, targets.classes))
    c = rows.c if album.conditional else None
    led = [album.model.translate(rows.x, to=k, condition=c) for k in range(targets.classes)]
    names = ("row", *(targets.names or map(str, range(targets.classes))))
    x = torch.stack([rows.x.double(), *(x.cpu().double() for x in led)], 1)
    return sheet(album.space, x, "Held-out images led to each class", column_names=names)


def inversion_picture(
    album: Album, known: str | None = None, n: int = COLUMNS, condition: Any = None
) -> Picture:
    """Held-out rows above the images decoded from the codes that a search found for them.

    Args:
        album: model and data.
        known: a part of `known_part`; the search compares only these pixels; None: the whole image.
        n: number of rows of data.
        condition: one for all, or one for each; None: those of the rows, where the model takes one.

    Raises:
        ValueError: if n is less than one, or there is no such part.
    """
    if n < 1:
        raise ValueError(f"n is {n}, but a picture needs at least one row.")
    space, rows = album.space, album.varied(n)
    x, c = rows.x.cpu(), rows.c if condition is None and album.conditional else condition
    seen = torch.ones_like(x, dtype=torch.bool) if rows.known is None else rows.known.cpu()
    kept = seen if known is None else known_part(space, known, album.seed) & seen
    found = invert(album.model, x, c, seed=album.seed, known=kept, seconds=album.seconds)
    shown = {"original": (x.double(), ~seen)} | ({} if known is None else {"given": (x.double(), ~kept)})
    shown["nearest found"] = (album.model.decode(found.codes, c).cpu().double(), torch.zeros_like(kept))
    images, gone = (torch.cat(parts) for parts in zip(*shown.values()))
    by = "" if known is None else f" by {parts_of(space)[known].phrase}"
    title = f"{type(album.model).__name__}: codes found for held-out images{by}, with mean squared errors"
    captions = [f"{e:.2g}" for e in found.errors.tolist()]
    part = images_of(space, images, gone)
    return of_images([part], len(x), title, row_names=list(shown), captions=captions)


def arithmetic_picture(
    album: Album, a: str | int | None = None, b: str | int | None = None, c: str | int | None = None
) -> Picture:
    """Held-out rows of three classes and the decoded z(a) - z(b) + z(c), for single codes and for means.

    Args:
        album: model and data.
        a: name or number of a class; None: the first class (of b the second, of c the third).
        b: class whose code is subtracted.
        c: class whose code is added.

    Raises:
        ValueError: if held-out rows have no such class.
    """
    first = [*album.kinds, None, None, None][:3]
    classes = [_class(album, *given) for given in zip("abc", (a, b, c), first)]
    labels = album.held_out.labels
    assert labels is not None
    where = [(labels == k).nonzero().squeeze(1) for k in classes]
    n = min(EACH, *map(len, where))
    rows = album.held_out.rows(torch.cat([index[:n] for index in where]))
    found = codes_of(album.model, rows.x, None, album.seed, rows.known, album.seconds)
    codes = found.unflatten(0, (3, n))
    means = codes.mean(1, keepdim=True)
    results = combined(*torch.cat([codes, means], 1))
    made = album.model.decode(torch.cat([means.squeeze(1), results])).cpu().double()
    # a row of the sheet for each row of data, and one for the means
    data = rows.x.cpu().double().unflatten(0, (3, n))
    sums = torch.cat([data, made[:3].unsqueeze(1)], 1)
    images = torch.cat([sums, made[3:].unsqueeze(0)]).transpose(0, 1)
    names = [f"{sign}{album.kinds[k]}" for sign, k in zip(("", "\u2212 ", "+ "), classes)]
    title = f"{type(album.model).__name__}: codes of a class less a second plus a third"
    rows_named = [*["one of each"] * n, f"means of {n}"]
    return sheet(album.space, images, title, row_names=rows_named, column_names=[*names, "="])


def _class(album: Album, option: str, given: str | int | None, default: int | None) -> int:
    """The number of the class that was given for an option."""
    if given is None and default is not None:
        return default
    found = next((k for k, name in album.kinds.items() if str(given) in (name, str(k))), None)
    if found is None:
        names = ", ".join(album.kinds.values())
        raise ValueError(f"{option} is {given!r}, but held-out rows of {album.data.name} are of {names}.")
    return found


def latent(album: Album) -> Picture:
    """Codes of held-out rows; for images also the decoded lattice, and both in one panel."""
    title = f"{type(album.model).__name__}: latent map of {album.data.name}"
    plane = album.plane if album.can(can.Decodes) else None
    lattice = album.lattice if album.space.image and plane is not None else None
    return latent_map(album.embedding, album.data.label_names, plane, album.space, lattice, title)


def manifold_picture(album: Album) -> Picture:
    """The decoded lattice of codes."""
    lattice = album.lattice
    assert lattice is not None
    n = round(len(lattice) ** 0.5)
    standard = album.plane.standard
    title = "Manifold: " + ("cells of equal prior probability" if standard else "along the main directions")
    if not album.space.image:
        return view_data(album.space, lattice, title)
    return of_images([images_of(album.space, lattice)], n, title, between="ground")


def interpolation_picture(album: Album) -> Picture:
    """Paths between codes of the prior; without a prior, between held-out rows."""
    texts = isinstance(album.space, Tokens)
    rows, steps = (3, 7) if texts else (8, 11)
    model, c = album.model, album.conditions(rows)
    if album.has_prior:
        first, last = _far_apart(album.codes("ends", 6 * rows).cpu(), rows)
        how: How = "slerp" if first.shape[1] > 1 else "lerp"
        between = decoded(model, path(first, last, steps, how), c)
        title = f"Interpolations between random codes on {WAYS[how]}"
    else:
        rows = min(rows, len(album.held_out) // 2)
        chosen = album.varied(2 * rows)
        c = chosen.c[:rows] if album.conditional and chosen.c is not None else None
        between = interpolations(model, chosen.x[:rows], chosen.x[rows:], steps, "lerp", c)
        title = f"Interpolations between codes of held-out rows on {WAYS['lerp']}"
    if texts:
        return paths(album.space, between, title)
    return sheet(album.space, between, title)


def _far_apart(codes: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """n of the codes, and for each the farthest of five others: near ones would show no change."""
    first, others = codes[:n], codes[n : 6 * n].unflatten(0, (n, 5))
    farthest = (others - first.unsqueeze(1)).norm(dim=2).argmax(1)
    return first, others[torch.arange(n), farthest]


def neighbours(album: Album) -> Picture:
    """The samples that are nearest to a training row, above those rows (row F28)."""
    from sklearn.neighbors import NearestNeighbors

    x = album.model.sample(SEARCHED, album.conditions(SEARCHED), album.seed).cpu()
    train = album.some(album.data.train, TRAINING).x.cpu()
    flat = lambda t: album.space.features(t, torch.float32).flatten(1).numpy()
    search = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(flat(train))
    distances, index = (torch.as_tensor(a).squeeze(1) for a in search.kneighbors(flat(x)))
    worst = distances.argsort()[:COLUMNS]
    pair = torch.stack([x[worst].double(), train[index[worst]].double()])
    captions = [f"{d:.2f}" for d in distances[worst].tolist()]
    title = f"The {COLUMNS} of {SEARCHED} samples nearest to a training image, with their distances"
    names = ["sample", "training image"]
    return sheet(album.space, pair, title, row_names=names, captions=captions)


def curves(album: Album) -> Picture | None:
    """Curves of all quantities that training recorded; None if there are none."""
    name = type(album.model).__name__
    return training_curves(album.metrics, f"{name}: training on {album.data.name}")
