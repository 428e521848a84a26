"""Held-out films side by side: the frames that a model is given, the true ones after them, and its own."""

from __future__ import annotations

import torch
from torch import Tensor

from simulacra.core.random.keyed import Rng, some_of
from simulacra.data.pairs.past import frames_before
from simulacra.exploration.drawing.picture import Picture
from simulacra.exploration.drawing.sheet import sheet
from simulacra.exploration.frames.rollout import rolled_out
from simulacra.exploration.pictures.album import Album

FILMS, STEPS = 4, 8  # films, and frames after the given ones
ROWS = 2000  # held-out rows among which films are looked for


def films_picture(album: Album, n: int | None = None, steps: int | None = None) -> Picture | None:
    """Two rows for each film: the true frames, and those of the model after the given ones.

    Args:
        album: model of the next frame, and data of frames with those before them.
        n: number of films; None: 4.
        steps: number of frames after the given ones; None: 8, or as many as held-out films have.

    Raises:
        ValueError: if a number is below 1.
    """
    for name, given in (("n", n), ("steps", steps)):
        if given is not None and given < 1:
            raise ValueError(f"{name} is {given}, but a picture of films needs at least 1.")
    held = len(album.held_out)
    first = int(some_of(max(1, held - ROWS + 1), 1, Rng(album.seed, "films")))
    rows = album.held_out.rows(torch.arange(first, min(held, first + ROWS)))
    if rows.c is None:
        return None
    x, c = rows.x.cpu(), rows.c.cpu()
    starts, T = _starts(x, c, steps or STEPS, n or FILMS)
    given = c[starts].unflatten(1, (-1, x.shape[1]))
    true = x[starts.unsqueeze(1) + torch.arange(T)]
    made = rolled_out(album.model, c[starts], T, album.seed)
    k = frames_before(album.data)
    shown = [torch.cat([given.double(), after.double()], 1) for after in (true, made)]
    names = [f"{t:+d}" if t > 0 else str(t) for t in range(1 - k, T + 1)]
    title = f"{type(album.model).__name__}: {k} given frames, and {T} that follow from them"
    labels = [name for _ in starts for name in ("truth", "model")]
    both = torch.stack(shown, 1).flatten(0, 1)
    return sheet(album.space, both, title, row_names=labels, column_names=names)


def _starts(x: Tensor, c: Tensor, steps: int, n: int) -> tuple[Tensor, int]:
    """Returns the numbers of at most n rows that begin films, and the number of their frames.

    Args:
        x: frames in their order, shape (N, C, *).
        c: the frames before each, shape (N, k C, *).
        steps: most frames of a film.
        n: most films.
    """
    follows = (c[1:, -x.shape[1] :] == x[:-1]).flatten(1).all(1)
    # frames that follow each other from row i on, itself among them
    run = torch.ones(len(x), dtype=torch.long)
    for i in reversed(range(len(x) - 1)):
        run[i] = 1 + run[i + 1] if follows[i] else 1
    T = min(steps, int(run.max()))
    fit = (run >= T).nonzero()[:, 0]
    chosen = fit[torch.arange(min(n, len(fit))) * len(fit) // max(1, min(n, len(fit)))]
    return chosen, T
