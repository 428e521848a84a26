"""A small instance and a tiny data set for every model of the catalogue and every toy.

Rows (103 to 257), entries (2, 3, 50), latent sizes and batches are no multiples of 16: what depends
on a block of 16 or on an even split would show.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from torch import Tensor

from contract import toys
from simulacra.core.composite import Fields, Sequence
from simulacra.core.model import Model
from simulacra.core.random import Rng
from simulacra.core.space import Binary, Categorical, Count, Levels, Ordinal, Positive, Real
from simulacra.data.dataset import Dataset, in_memory
from simulacra.models.catalog import CATALOG, find

BATCH = 17


@dataclass(frozen=True)
class Case:
    """A model small enough to be trained in a test.

    Args:
        name: shown by pytest; a catalogue name, with what follows a slash naming a variant.
        kind: the class.
        data: makes the data set.
        arguments: of the constructor, besides space and condition.
        options: of training.
        coupled: its loss couples the rows of a batch.
    """

    name: str
    kind: Callable[..., Model]
    data: Callable[[], Dataset]
    arguments: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    coupled: bool = False

    @property
    def catalogued(self) -> str:
        """The catalogue name, or an empty string for a toy."""
        stem = self.name.split("/")[0]
        return stem if stem in CATALOG else ""

    def build(self, seed: int = 0) -> Model:
        """An untrained model, initialised by `seed`."""
        torch.manual_seed(seed)
        data = self.data()
        more = {"condition": data.condition} if data.condition is not None else {}
        model = self.kind(data.space, **more, **self.arguments)
        model.preprocessing = data.preprocessing
        return model

    def __str__(self) -> str:
        return self.name

    def __hash__(self) -> int:
        return hash(self.name)


# ---- data


def _normal(n: int, d: int, key: str) -> Tensor:
    """Correlated rows with two clusters, so that there is something to learn."""
    rng = Rng(0, key, rows=range(n))
    side = rng.bernoulli("side", torch.full((n, 1), 0.5)) * 2 - 1
    mix = torch.linspace(0.2, 1.0, d)
    return side * mix + 0.4 * rng.normal("x", d) + 0.3 * rng.normal("common", 1)


@cache
def real(d: int, n: int = 131) -> Dataset:
    """Real vectors."""
    return in_memory(_normal(n, d, f"real-{d}"), Real((d,)), f"real-{d}")


@cache
def binary(d: int, n: int = 103) -> Dataset:
    """Thresholded vectors."""
    return in_memory((_normal(n, d, f"binary-{d}") > 0).to(torch.uint8), Binary((d,)), f"binary-{d}")


@cache
def images() -> Dataset:
    """Images of 5 x 6 pixels with 4 levels."""
    x = (_normal(111, 30, "images") + 1.5).round().clamp(0, 3).to(torch.uint8)
    return in_memory(x.reshape(-1, 1, 5, 6), Levels((1, 5, 6), 4), "images")


@cache
def classes(d: int, missing: bool = False, n: int = 157) -> Dataset:
    """Real vectors in three classes; with `missing`, two labels of three are unknown."""
    rng = Rng(0, "classes", rows=range(n))
    c = (rng.uniform("c", 1).squeeze(1) * 3).long()
    x = _normal(n, d, f"classes-{d}") + c.unsqueeze(1)
    parts = {}
    if missing:
        known = rng.uniform("known", 1).squeeze(1) < 0.35
        # what is unknown is no information: the mask alone says so
        c, parts = torch.where(known, c, torch.zeros_like(c)), {"c_known": known}
    return in_memory(x, Real((d,)), f"classes-{d}", c, Categorical((), 3), **parts)


@cache
def bits() -> Dataset:
    """Images of 5 x 7 pixels, black or white."""
    x = (_normal(103, 35, "bits") > 0).to(torch.uint8)
    return in_memory(x.reshape(-1, 1, 5, 7), Binary((1, 5, 7)), "bits")


@cache
def series(T: int = 13, n: int = 109) -> Dataset:
    """Series of 7 levels."""
    x = (_normal(n, T, "series") * 2 + 3).round().clamp(0, 6).to(torch.uint8)
    return in_memory(x, Levels((T,), 7), "series")


@cache
def labelled(d: int = 7, n: int = 151) -> Dataset:
    """Thresholded vectors in three classes."""
    c = (Rng(0, "labelled", rows=range(n)).uniform("c", 1).squeeze(1) * 3).long()
    x = _normal(n, d, "labelled") + 0.7 * (c.unsqueeze(1) - 1)
    return in_memory((x > 0).to(torch.uint8), Binary((d,)), "labelled", c, Categorical((), 3))


@cache
def mixed(missing: bool = False, n: int = 149) -> Dataset:
    """A table with a column of every kind; with `missing`, a fifth of the entries is unknown."""
    z = _normal(n, 6, "mixed")
    columns = [
        z[:, 0],
        (z[:, 1] * 0.7).exp(),
        (z[:, 2].exp() * 3).floor(),
        (z[:, 3] > 0).float(),
        (z[:, 4] + 1.5).round().clamp(0, 2),
        (z[:, 5] + 2).round().clamp(0, 3),
    ]
    space = Fields(
        a=Real(), b=Positive(), c=Count(), d=Binary(), e=Categorical((), 3), f=Ordinal((), 4, tuple("wxyz"))
    )
    x, parts = torch.stack(columns, 1), {}
    if missing:
        known = Rng(0, "mixed-known", rows=range(n)).uniform("u", 6) > 0.2
        x, parts = space.filled(x, known), {"known": known}
    return in_memory(x, space, "mixed", **parts)


@cache
def gaps(d: int, n: int = 131) -> Dataset:
    """Real vectors, a quarter of whose entries is unknown."""
    known = Rng(0, "gaps", rows=range(n)).uniform("u", d) > 0.25
    x = _normal(n, d, f"gaps-{d}")
    return in_memory(torch.where(known, x, torch.zeros_like(x)), Real((d,)), f"gaps-{d}", known=known)


@cache
def sequences(d: int = 3, T: int = 7, n: int = 107) -> Dataset:
    """Ragged sequences of binary frames, from one frame to T."""
    rng = Rng(0, "sequences", rows=range(n))
    x = (rng.normal("x", T, d) + rng.normal("common", 1, d) > 0).to(torch.uint8)
    lengths = 1 + (rng.uniform("length", 1).squeeze(1) * T).long().clamp_max(T - 1)
    frames = torch.arange(T).unsqueeze(1) < lengths.view(-1, 1, 1)
    space = Sequence((T, d), Binary((d,)))
    return in_memory(x * frames, space, "sequences", lengths=lengths)


# ---- models


def _catalogued(name: str, data: Callable[[], Dataset], epochs: float = 3, **arguments: Any) -> Case:
    return Case(name, find(name.split("/")[0]).load(), data, arguments, {"epochs": epochs})


SMALL = {"hidden": (13,), "latent": 3}

CATALOGUED = [
    _catalogued("pca", lambda: real(3), latent=2),
    _catalogued("pca/levels", images, latent=3),
    _catalogued("ppca", lambda: real(3), latent=2),
    _catalogued("ppca/em", lambda: real(50, 257), latent=3, solver="em", iterations=20),
    _catalogued("pca/gaps", lambda: gaps(5), latent=2, iterations=15),
    _catalogued("pca/fields", mixed, latent=2),
    _catalogued("ppca/gaps", lambda: gaps(5), latent=2, iterations=15),
    _catalogued("autoencoder", lambda: binary(50), **SMALL, dropout=0.3, error="cross-entropy"),
    _catalogued("autoencoder/conv", images, hidden=(5, 7), latent=3, net="conv"),
    _catalogued("stacked-autoencoder", lambda: real(50), layers=(11, 3)),
    _catalogued("vae", lambda: binary(50), **SMALL, kl_warmup=0.5, dropout=0.1),
    _catalogued("vae/real", lambda: real(2), **SMALL, kl="monte-carlo"),
    _catalogued("vae/conditional", lambda: classes(3), **SMALL),
    _catalogued("vae/levels", images, hidden=(5, 7), latent=3, net="conv"),
    _catalogued("vae/fields", lambda: mixed(missing=True), **SMALL, dropout=0.1),
    _catalogued("iwae/fields", lambda: mixed(missing=True), **SMALL, k=3),
    _catalogued("iwae", lambda: binary(50), **SMALL, k=3),
    _catalogued("iwae/dropout", lambda: real(2), **SMALL, k=3, dropout=0.2),
    _catalogued("eonade", lambda: binary(6), hidden=(13,), ensemble=3),
    _catalogued("eonade/deep", lambda: classes(3), hidden=(13, 7), ensemble=2),
    _catalogued("eonade/levels", images, hidden=(13,), ensemble=2),
    _catalogued("nade-k", lambda: binary(6), k=3, hidden=(13,), ensemble=2),
    _catalogued("nade", lambda: binary(6), hidden=5),
    _catalogued("nade/levels", images, hidden=5),
    _catalogued("rnade", lambda: real(3), hidden=5, mixtures=2),
    _catalogued("fvbn", lambda: binary(50)),
    _catalogued("fvbn/neural", lambda: binary(6), hidden=2, order=(2, 0, 5, 1, 4, 3)),
    _catalogued("fvbn/conditional", lambda: classes(3), hidden=2),
    _catalogued("made", lambda: binary(50), hidden=(13, 11)),
    _catalogued("made/levels", images, hidden=(13,), masks=2, activation="tanh"),
    _catalogued("made/conditional", lambda: classes(3), hidden=(13, 7), masks=2, direct=False),
    _catalogued("pixelcnn", images, layers=2, channels=5),
    _catalogued("gated-pixelcnn", images, layers=2, channels=5),
    _catalogued("pixelrnn", images, recurrence="row", layers=1, channels=5),
    _catalogued("pixelrnn/diagonal", images, layers=1, channels=5),
    _catalogued("wavenet", series, blocks=2, layers=2, channels=5, skip_channels=6),
    _catalogued("wavenet/conditional", lambda: classes(11), blocks=1, layers=3, channels=4, skip_channels=5),
    _catalogued("wavenet/real", lambda: real(8), blocks=1, layers=2, channels=4, skip_channels=5),
    _catalogued("nade-k/one", lambda: classes(3), k=1, hidden=(7,)),
    _catalogued("gan", lambda: real(2), **SMALL),
    _catalogued("gan/levels", images, **SMALL, discriminator_steps=2),
    _catalogued("rbm", lambda: binary(6), hidden=5, chains=7, burn_in=30, gibbs_steps=2),
    _catalogued("rbm/energy", lambda: binary(50), hidden=21, chains=19, burn_in=10),
    _catalogued("rbm/conditional", labelled, hidden=5, burn_in=10),
    _catalogued("rbm/tempering", lambda: binary(6), hidden=5, chains=7, burn_in=10, estimator="tempering"),
    _catalogued("dbn", lambda: binary(6), hidden=(3, 5), chains=7, burn_in=5),
    _catalogued("dbm", lambda: binary(6), hidden=(3, 2), chains=7, burn_in=5, gibbs_steps=2, centred=False),
    _catalogued("multi-prediction-dbm", labelled, hidden=(3, 2), mean_field_steps=3, burn_in=5),
    _catalogued("conv-rbm", bits, filters=3, kernel=2, pool=2, chains=7, burn_in=9),
    _catalogued("conv-dbm", bits, filters=(2, 2), kernels=(2, 1), pools=(2, 1), chains=7, burn_in=9),
    _catalogued("rtrbm", sequences, hidden=5, burn_in=7),
    _catalogued("rtrbm/exact", sequences, hidden=5, burn_in=7, estimator="exact"),
    _catalogued("rnn-rbm", sequences, hidden=13, state=5, burn_in=7),
    _catalogued("rnn-nade", sequences, hidden=5, state=7, lr=0.03),
    _catalogued("boltzmann-machine", lambda: binary(6), hidden=3, chains=7, burn_in=9, hidden_steps=2),
    _catalogued("higher-order-bm", lambda: binary(6), hidden=2, chains=7, burn_in=9, hidden_steps=2),
    _catalogued("mixture-rbm", lambda: binary(6), components=3, hidden=2, chains=7, burn_in=9),
    _catalogued("discriminative-rbm", labelled, hidden=5, burn_in=9, generative=0.1),
    _catalogued("discriminative-rbm/label", lambda: classes(3), hidden=5, objective="discriminative"),
    _catalogued("grouped-rbm", labelled, hidden=3, irrelevant=2, burn_in=9),
    _catalogued("gated-bm", lambda: binary(6), components=2, hidden=3, chains=7, burn_in=9, switch_steps=3),
    _catalogued("boosted-field", lambda: binary(6), epochs=2, features=2, chains=19, burn_in=9),
    _catalogued("unrolled-mrf", bits, steps=3, burn_in=9),
    _catalogued("gaussian-rbm", lambda: real(3), hidden=5, chains=7, burn_in=10),
]


def _toy(name: str, kind: type[Model], data: Callable[[], Dataset], coupled=False, epochs=3, **arguments):
    return Case(name, kind, data, arguments, {"epochs": epochs} if epochs else {}, coupled)


TOYS = [
    _toy("began", toys.BEGAN, lambda: real(3)),
    _toy("m2", toys.M2, lambda: classes(2, missing=True), epochs=None),
    _toy("gmmn", toys.GMMN, lambda: real(2), coupled=True),
    _toy("virtual-batch-norm", toys.VirtualBatchNormGAN, lambda: real(3), epochs=None),
    _toy("growing", toys.Growing, lambda: real(8), epochs=None),
    _toy("reweighted-wake-sleep", toys.WakeSleep, lambda: binary(50)),
    _toy("wake-sleep", toys.WakeSleep, lambda: binary(3), epochs=9, k=1),
    _toy("wgan-gp", toys.WGAN, lambda: real(2), epochs=4),
    _toy("wgan-clip", toys.WGAN, lambda: real(3), epochs=6, penalty="clip", every=2),
    _toy("stacked-denoising", toys.StackedDenoising, lambda: real(50), epochs=None),
    _toy("gaussian", toys.GaussianModel, lambda: real(3), epochs=None),
]

CASES = CATALOGUED + TOYS


def named(name: str) -> Case:
    """The case called `name`."""
    return next(case for case in CASES if case.name == name)
