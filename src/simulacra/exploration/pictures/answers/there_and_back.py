"""Held-out rows of each class, led to another class, and back.

Images stand in one row each, recordings as waves above their spectrograms. Other observations are drawn as
their space asks for, the translations over the rows.
"""

from __future__ import annotations

from simulacra.core.capabilities import general as can
from simulacra.core.methods.targets import targets_of
from simulacra.core.spaces.audio import Audio
from simulacra.data.labels import classes_in
from simulacra.exploration.drawing.picture import Picture
from simulacra.exploration.drawing.views import view_data
from simulacra.exploration.pictures.album import Album
from simulacra.exploration.pictures.answers.translated import OTHERS, WAVES, Column, in_columns

EACH = 4  # images of each class, where there are two


def there_and_back(album: Album, n: int | None = None) -> Picture | None:
    """Sources, translations to the next class, and the way back.

    Args:
        album: model that leads its own observations to classes, and data with labels.
        n: number of rows; None: 4 images of each of two classes, one of each of several, or one recording
            of each.
    """
    if n is not None and n < 1:
        raise ValueError(f"n is {n}, but a picture of translations needs at least 1.")
    space, targets = album.space, targets_of(album.model)
    labels = classes_in(album.held_out)
    if targets is None or labels is None:
        return None
    waves = isinstance(space, Audio)
    usual = max(targets.classes, 2 * EACH) if space.image else WAVES if waves else OTHERS
    rows = album.varied(n or usual)
    assert rows.index is not None
    label = labels[rows.index.to(labels.device)].long().cpu()
    to = (label + 1) % targets.classes
    takes = album.model.supports(can.TakesCondition)
    lead = lambda x, k, c: album.model.translate(x, k, condition=c if takes else None, seed=album.seed).cpu()
    y = lead(rows.x, to, rows.c)
    back = lead(y, label, to)
    shown = {"source": rows.x.cpu(), "translation": y, "back": back}
    columns: list[Column] = [(name, space, x) for name, x in shown.items()]
    names = targets.names or tuple(map(str, range(targets.classes)))
    two = targets.classes == 2
    ways = f"{names[0]} and {names[1]} to each other" if two else "each class to the next"
    title = f"{type(album.model).__name__}: {ways} and back, held-out rows"
    if space.image or waves:
        return in_columns(columns, title, waves)
    return view_data(space, y, title, rows.x.cpu())
