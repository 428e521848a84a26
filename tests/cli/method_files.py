"""Models with random weights and files of new rows, for the methods of the command line."""

from __future__ import annotations

import csv
import io

import numpy as np
import torch

import simulacra
from simulacra import Categorical, Real, Table

SPACE = Table(age=Real(), sex=Categorical((), 2, ("f", "m")), pay=Real())


def saved(path, kind=None, *args, **more):
    """A model with random weights, which is saved; by default a VAE of `SPACE`."""
    model = simulacra.VAE(SPACE, latent=2, hidden=(5,)) if kind is None else kind(*args, **more)
    with torch.no_grad():
        for i, p in enumerate(model.parameters()):
            p.copy_(0.3 * torch.sin(torch.arange(p.numel(), dtype=p.dtype) + i).view_as(p))
    model.save(path)
    return simulacra.load(path)


def table(n, seed=0, gaps=0.0):
    """Lines of a table with columns of its own, quoted texts, and gaps."""
    rng = np.random.default_rng(seed)
    ages, sexes, pays = rng.normal(size=n), rng.integers(0, 2, n), rng.normal(size=n)
    missing = rng.random((n, 3)) < gaps
    lines = ['note,pay,"age",id,sex']
    for i, (a, s, p, gone) in enumerate(zip(ages, sexes, pays, missing)):
        age, sex, pay = (
            "" if m else v for m, v in zip(gone, (f"{a:+.3f}", "fm"[s], f"{p:.17g}" if i % 2 else f"{p:.2e}"))
        )
        lines.append(f'"x, ""{i}""",{pay},{age},{i:05d},{sex}')
    return lines


def write(path, lines, end="\n"):
    """A text file of these lines."""
    path.write_bytes((end.join(lines) + end).encode())
    return path


def read(text):
    """Names and rows of a .csv text."""
    rows = list(csv.reader(io.StringIO(text)))
    return rows[0], rows[1:]


def column(text, name):
    """The cells of a column of a .csv text."""
    names, rows = read(text)
    return [row[names.index(name)] for row in rows]


def frame(path):
    """The table as a user of Python may give it: columns by name, numbers as numbers, None in gaps."""
    names, rows = read(path.read_text(encoding="utf-8"))
    return {name: [_value(cell) for cell in cells] for name, cells in zip(names, zip(*rows))}


def _value(cell):
    try:
        return float(cell) if cell else None
    except ValueError:
        return cell


def numbers(values):
    """Numbers as the command line writes them."""
    return [repr(float(value)) for value in values]
