"""A small instance and a tiny data set for every toy."""

from __future__ import annotations

from collections.abc import Callable

from contract import toys
from contract.case import Case
from contract.sets import binary, classes, real
from simulacra.core.model import Model
from simulacra.data.dataset import Dataset


def _toy(name: str, kind: type[Model], data: Callable[[], Dataset], coupled=False, epochs=3, **arguments):
    return Case(name, kind, data, arguments, {"epochs": epochs} if epochs else {}, coupled)


TOYS = [
    _toy("m2", toys.M2, lambda: classes(2, missing=True), epochs=None),
    _toy("coupled", toys.GMMN, lambda: real(2), coupled=True),
    _toy("growing", toys.Growing, lambda: real(8), epochs=None),
    _toy("reweighted-wake-sleep", toys.WakeSleep, lambda: binary(50)),
    _toy("wake-sleep", toys.WakeSleep, lambda: binary(3), epochs=9, k=1),
    _toy("stacked-denoising", toys.StackedDenoising, lambda: real(50), epochs=None),
    _toy("small-diffusion", toys.Diffusion, lambda: real(3)),
    _toy("small-diffusion/conditional", toys.Diffusion, lambda: classes(2), length=5),
]
