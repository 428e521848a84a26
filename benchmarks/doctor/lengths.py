"""Trainings that are too short or too long, and tables under a condition."""

from __future__ import annotations

import simulacra
from benchmarks import doctor_models as m
from benchmarks.doctor import learned, tables
from benchmarks.doctor.case import Case, Subject
from benchmarks.doctor.samplers import LabelledSampler
from simulacra.core.spaces.composite import Table
from simulacra.data.sources.tensors import from_tensors

LENGTH, BEST, COLUMNS, PAIRS = "training length", "validation score", "lost columns", "lost dependences"
IGNORED = "ignored condition"


def with_patience(seed: int) -> Subject:
    """Trains a MADE of digits until its best weights are known."""
    options = {"patience": 8}
    make = lambda: simulacra.MADE(m.cut().space, hidden=(64,))
    found = learned.subject(make, m.cut(), seed, epochs=60, lr=5e-3, **options)
    return Subject(found.model, found.data, found.metrics, options)


def conditional_table(listens: bool):
    """Returns a maker of samplers of a table whose condition is the group, with or without regard to it.

    Args:
        listens: if True, the condition is used.
    """

    def make(seed: int) -> Subject:
        kinds = {name: kind for name, kind in tables.space().fields if name != "group"}
        x, fresh = (tables.rows_of(n, seed + more) for n, more in ((1500, 0), (4000, 70)))
        group = simulacra.Categorical((), 3)
        data = from_tensors(
            x[:, :3], Table(kinds), name="table", c=x[:, 3].long(), condition=group, test=0.2, seed=seed
        )
        model = LabelledSampler(data.space, data.condition, fresh[:, :3], fresh[:, 3].long(), listens)
        model.preprocessing = data.preprocessing
        return Subject(model, data)

    return make


SICK = (
    Case(
        "MADE of digits, 44 steps",
        lambda s: learned.made(m.cut(), s, epochs=4),
        (LENGTH,),
        mends=("epochs",),
        never=("patience",),
    ),
    Case(
        "MADE of 60 digits, past its best",
        lambda s: learned.few_digits(s, 60, 300),
        (BEST,),
        mends=("patience=",),
        never=("more epochs",),
    ),
    Case("conditional table, drawn whatever the condition is", conditional_table(False), (COLUMNS, PAIRS)),
)
HEALTHY = (
    Case("conditional table, drawn as its condition says", conditional_table(True)),
    Case("MADE of digits, with patience", with_patience, beside=("dead hidden units", "overfitting")),
)
