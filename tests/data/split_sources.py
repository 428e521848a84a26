"""Sources of numbered rows that tests of splits cut, and what the cut should give."""

import numpy as np
import torch
from data_files import write
from hypothesis import settings
from hypothesis import strategies as st

from simulacra.core.spaces.plain import Real
from simulacra.data.sources.source import Part, Source

NAMES = ("train", "valid", "test")
QUICK = settings(max_examples=40, deadline=None)
SHARES = st.floats(0.05, 0.4)


def source_of(rows, labels=None, **sides):
    """Rows that are their own numbers, with side values."""
    x = torch.arange(rows, dtype=torch.float32).view(-1, 1)
    sides = {name: np.asarray(values) for name, values in sides.items()}
    return Source("mine", Real((1,)), {"train": Part(x, labels, sides=sides)}, ("a", "b", "c"))


def rows_of(source):
    """The rows of each part, by the values that they carry along."""
    return {name: part.rows[:, 0].long().tolist() for name, part in source.parts.items()}


def wish_of(rows, valid, test):
    n_valid, n_test = round(rows * valid), round(rows * test)
    wish = {"train": rows - n_valid - n_test, "valid": n_valid, "test": n_test}
    return {split: count for split, count in wish.items() if count}


def write_table(path, columns):
    lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values()))]
    return write(path, "\n".join(lines).encode())
