"""Data and small models for the table of the doctor, made defective by hand or trained."""

from __future__ import annotations

import contextlib
import copy
import tempfile
from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import simulacra
from simulacra.core.capabilities import general as can
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng, initial_weights
from simulacra.core.spaces.plain import Real
from simulacra.data.dataset import Dataset
from simulacra.data.sources.tensors import from_tensors
from simulacra.evaluation.measures.history import read_metrics
from simulacra.tables.columns import Columns, table_from
from simulacra.training.steps.optimizer_steps import TrainingFailed


@cache
def bits() -> Dataset:
    """Returns the digits as 0/1, binarized anew at every visit."""
    return simulacra.load_data("digits", binarize="dynamic")


@cache
def cut() -> Dataset:
    """Returns the digits as 0/1, fixed: noise at each visit would prevent overfitting."""
    return simulacra.load_data("digits", binarize="threshold")


@cache
def grey() -> Dataset:
    """Returns the dequantized digits."""
    return simulacra.load_data("digits", dequantize="uniform")


@cache
def toy(name: str) -> Dataset:
    """Returns a toy with a known density."""
    return simulacra.load_data(name)


def trained(model: Model, data: Dataset, seed: int, **options: object) -> tuple[Model, list[dict[str, str]]]:
    """Trains a model with `fit`, and returns it with the rows of its metrics, also if training failed.

    Args:
        model: the untrained model.
        data: the data set.
        seed: seed of training.
        options: options of `fit`; 20 epochs by default.
    """
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.suppress(TrainingFailed):
            simulacra.fit(
                model, data, out=folder, seed=seed, progress=False, doctor=False, **{"epochs": 20, **options}
            )
        return model.eval(), list(read_metrics(folder))


def seeded(seed: int, make: Callable[[], Model]) -> Model:
    """Returns a model whose initial weights depend on the seed."""
    with initial_weights(seed):
        return make()


@cache
def vae(seed: int) -> Model:
    """Trains a small VAE of binary digits."""
    make = lambda: simulacra.VAE(bits().space, latent=4, hidden=(64,))
    return trained(seeded(seed, make), bits(), seed, epochs=30, lr=5e-3)[0]


@cache
def gan(seed: int) -> Model:
    """Trains a small GAN on the ring."""
    make = lambda: simulacra.GAN(toy("ring").space, latent=4, hidden=(64, 64))
    return trained(seeded(seed, make), toy("ring"), seed, epochs=12)[0]


def moved(model: Model, by: float) -> Model:
    """Shifts the encoder's mean of a VAE, so that q(z|x) matches neither prior nor posterior.

    Args:
        model: the trained VAE.
        by: shift of half of the means.
    """
    model = copy.deepcopy(model)
    last = [m for m in model.encoder.modules() if isinstance(m, nn.Linear)][-1]
    with torch.no_grad():
        last.bias[: len(last.bias) // 2] += by
    return model


def ferromagnet(data: Dataset, w: float, hidden: int = 7) -> Model:
    """Returns an RBM with two modes, in which all units agree; a larger w makes changes of mode rarer.

    Args:
        data: the data set with the space.
        w: all couplings.
        hidden: number of hidden units.
    """
    model = simulacra.RBM(data.space, hidden=hidden)
    with torch.no_grad():
        model.W.fill_(w)
        model.b.fill_(-w * hidden / 2)
        model.c.fill_(-w * data.space.dims / 2)
    return model.eval()


class Drawn(Model, can.Samples):
    """A model that draws given rows in turn: training rows for a copier, fresh ones for the truth."""

    def __init__(self, rows: Tensor):
        super().__init__(Real(rows.shape[1:]))
        self.register_buffer("rows", rows)

    def updates(self) -> list:
        """Returns no updates."""
        return []

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Returns the rows at the positions of `rng`."""
        return self.rows[torch.arange(rng.rows.start, rng.rows.stop) % len(self.rows)]


@cache
def factor_vae(latent: int, seed: int) -> Model:
    """Trains a VAE on data with two factors."""
    data = toy("linear-gaussian")
    make = lambda: simulacra.VAE(data.space, latent=latent, hidden=(32,))
    return trained(seeded(seed, make), data, seed, epochs=6, lr=1e-2)[0]


def patients(n: int, seed: int) -> Columns:
    """Returns a table in which weight depends on age and sex, and one region has 5 % of the rows."""
    r = np.random.default_rng(seed)
    age, sex = r.integers(18, 80, n).astype(float), r.integers(0, 2, n)
    weight = (50 + 0.4 * age + 12 * sex + 5 * r.normal(size=n)).round(1)
    region = r.choice(4, n, p=[0.5, 0.3, 0.15, 0.05])
    levels = {"sex": ("f", "m"), "region": tuple("ABCD")}
    return table_from({"age": age, "weight": weight}, {"sex": sex, "region": region}, levels)


@cache
def rounded() -> Dataset:
    """Returns the levels of the digits as real numbers."""
    split = lambda s: s.x.float().flatten(1) / 16
    whole = simulacra.load_data("digits")
    return from_tensors(
        torch.cat([split(whole.train), split(whole.test)]), Real((64,)), name="levels as reals"
    )


def untrained(seed: int) -> Model:
    """Returns an untrained GAN."""
    return seeded(seed, lambda: simulacra.GAN(toy("ring").space, latent=4, hidden=(64, 64)))


def blind(seed: int) -> Model:
    """Returns a GAN whose discriminator has zero output weights."""
    model = untrained(seed)
    with torch.no_grad():
        model.D.score.weight.zero_()
    return model


def shrunk(seed: int) -> Model:
    """Returns a GAN whose samples are nearly one point."""
    model = untrained(seed)
    with torch.no_grad():
        model.G.body[-1].weight.mul_(1e-2)
    return model


def beaten(seed: int) -> Model:
    """Returns a minimax GAN whose discriminator was trained against a generator that is far off."""
    make = lambda: simulacra.GAN(toy("ring").space, latent=4, hidden=(64, 64), objective="minimax")
    model, x = seeded(seed, make), toy("ring").train.x[:500]
    with torch.no_grad():
        # spread out, since it would count as collapsed otherwise
        model.G.body[-1].weight.mul_(10)
        model.G.body[-1].bias += 30.0
    steps = torch.optim.Adam(model.D.parameters(), 1e-2)
    for t in range(150):
        with torch.no_grad():
            fake = model.generate(model.prior(Rng(seed, t, rows=range(500))), None)
        loss = (
            F.softplus(-model.judge(x, None).score).mean() + F.softplus(model.judge(fake, None).score).mean()
        )
        steps.zero_grad()
        loss.backward()
        steps.step()
    return model.eval()


def truth(seed: int) -> Tensor:
    """Draws fresh rows of the true distribution."""
    return toy("linear-gaussian").truth.sample(500, seed=1000 + seed)


def training_rows(seed: int) -> Tensor:
    """Returns training rows, for a copier."""
    train = toy("linear-gaussian").train
    return train.x[Rng(seed, "copied").permutation("rows", len(train))[:500]]
