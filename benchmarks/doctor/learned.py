"""Models that are trained for seconds, on data that are sick or in a way that makes them sick."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import nn

import simulacra
from benchmarks.doctor.case import Subject
from benchmarks.doctor.laws import data_of, labelled, with_shuffled
from benchmarks.doctor_models import bits, cut, grey, seeded, toy, trained
from simulacra.core.model import Model
from simulacra.core.updates import Update
from simulacra.data.dataset import Dataset
from simulacra.models.variational.vae import anneal, negative_elbo


def subject(make: Callable[[], Model], data: Dataset, seed: int, **options: object) -> Subject:
    """A model after training, with its metrics."""
    model, metrics = trained(seeded(seed, make), data, seed, **options)
    return Subject(model, data, metrics)


def vae(data: Dataset, seed: int, epochs: float = 25, latent: int = 2, **options: object) -> Subject:
    """A VAE with one hidden layer."""
    make = lambda: simulacra.VAE(data.space, data.condition, latent=latent, hidden=(32,), **options)
    return subject(make, data, seed, epochs=epochs, lr=5e-3)


def made(data: Dataset, seed: int, epochs: float = 10) -> Subject:
    """A MADE with one hidden layer."""
    make = lambda: simulacra.MADE(data.space, data.condition, hidden=(64,))
    return subject(make, data, seed, epochs=epochs, lr=5e-3)


def ppca(data: Dataset, seed: int, latent: int = 2) -> Subject:
    """Probabilistic PCA in closed form."""
    return subject(lambda: simulacra.PPCA(data.space, latent=latent), data, seed)


def tabular(data: Dataset, seed: int, epochs: float = 40) -> Subject:
    """A small autoregressive model of a table."""
    make = lambda: simulacra.Tabular(data.space, hidden=(32,))
    return subject(make, data, seed, epochs=epochs, lr=5e-3)


def autoencoder(data: Dataset, seed: int, epochs: float = 20) -> Subject:
    """A small autoencoder."""
    make = lambda: simulacra.Autoencoder(data.space, latent=2, hidden=(32,))
    return subject(make, data, seed, epochs=epochs, lr=5e-3)


def rbm(data: Dataset, seed: int, epochs: float = 10) -> Subject:
    """A small RBM."""
    return subject(lambda: simulacra.RBM(data.space, hidden=16), data, seed, epochs=epochs)


def game(data: Dataset, seed: int, epochs: float = 10) -> Subject:
    """A small game."""
    make = lambda: simulacra.GAN(data.space, data.condition, latent=4, hidden=(64, 64))
    return subject(make, data, seed, epochs=epochs)


@cache
def digits_with_labels() -> Dataset:
    """Digits as 0/1 with their labels as condition."""
    return simulacra.load_data("digits", binarize="threshold", condition="label")


class PartVAE(simulacra.VAE):
    """A VAE of which some parts are never trained.

    Args:
        parts: beginnings of the names that are.
    """

    parts: tuple[str, ...] = ("",)

    def updates(self) -> list[Update]:
        """One player, of the parts alone."""
        return [Update("vae", self.parts, negative_elbo, after=anneal)]


def part_trained(data: Dataset, seed: int, still: str, epochs: float = 25, told: bool = True) -> Subject:
    """A VAE of which the parts whose names begin with `still` stay as they began.

    Args:
        told: whether the model's own updates say so, or nothing but the weights does.
    """
    kind = PartVAE if told else type("VAE", (PartVAE,), {})
    make = lambda: kind(data.space, latent=4, hidden=(48, 48))
    torch.manual_seed(seed)
    model = make()
    model.parts = tuple(name for name, _ in model.named_parameters() if not name.startswith(still))
    model, metrics = trained(model, data, seed, epochs=epochs, lr=5e-3)
    if told:
        return Subject(model, data, metrics)
    plain = simulacra.VAE(data.space, latent=4, hidden=(48, 48))
    plain.load_state_dict(model.state_dict())
    plain.preprocessing = model.preprocessing
    return Subject(plain.eval(), data, metrics)


def collapsed(seed: int) -> Subject:
    """A VAE of independent bits after training: there is nothing to say."""
    x = (torch.rand(5000, 64, generator=torch.Generator().manual_seed(seed)) < 0.5).float()
    data = simulacra.data.from_tensors(x, simulacra.Binary((64,)), test=0.2)
    return vae(data, seed, epochs=15, latent=4)


def backwards(seed: int) -> Subject:
    """An autoencoder whose decoder says the opposite of what it learned."""
    found = autoencoder(data_of("correlated", seed), seed)
    with torch.no_grad():
        last = [m for m in found.model.decoder.modules() if isinstance(m, nn.Linear)][-1]
        last.weight.neg_()
    return Subject(found.model, found.data)


def off_the_mean(seed: int) -> Subject:
    """A VAE of levels whose reconstructions are all too bright."""
    found = vae(grey(), seed, epochs=6, latent=4)
    with torch.no_grad():
        last = [m for m in found.model.decoder.modules() if isinstance(m, nn.Linear)][-1]
        last.bias += 2.0
    return Subject(found.model, found.data)


def exploded(seed: int, by: float) -> Subject:
    """A MADE of which one layer grew, its metrics as they were."""
    found = made(cut(), seed, epochs=4)
    with torch.no_grad():
        weights = max((p for p in found.model.parameters() if p.dim() > 1), key=torch.numel)
        weights *= by
    return Subject(found.model, found.data)


def half_off(seed: int) -> Subject:
    """A VAE with two in three rectifiers off."""
    found = vae(bits(), seed, epochs=8, latent=4)
    with torch.no_grad():
        first = next(m for m in found.model.encoder.modules() if isinstance(m, nn.Linear))
        first.bias[:22] = -100.0
    return Subject(found.model, found.data)


def right_half(seed: int) -> Subject:
    """An RNADE of the right half of the ring, beside all of it."""
    ring = toy("ring")
    half = ring.train.select((ring.train.x[:, 0] > -0.5).nonzero()[:, 0])
    cut_ring = Dataset("ring", {**ring.splits, "train": half}, ring.preprocessing)
    found = subject(lambda: simulacra.RNADE(ring.space, hidden=32), cut_ring, seed, epochs=8, lr=1e-2)
    return Subject(found.model, ring, found.metrics)


def ring_rnade(seed: int) -> Subject:
    """An RNADE of all of it."""
    ring = toy("ring")
    return subject(lambda: simulacra.RNADE(ring.space, hidden=32), ring, seed, epochs=8, lr=1e-2)


def few_digits(seed: int, rows: int, epochs: float) -> Subject:
    """A MADE of some of the digits."""
    whole = cut()
    some = Dataset(
        "digits", {**whole.splits, "train": whole.train.select(torch.arange(rows))}, whole.preprocessing
    )
    return subject(
        lambda: simulacra.MADE(whole.space, hidden=(100,)), some, seed, epochs=epochs, batch_size=50, lr=3e-3
    )


def conditional(kind: str, seed: int, sick: bool) -> Subject:
    """A conditional model trained with conditions that stand beside other rows, or beside their own."""
    if kind == "made of digits":
        whole = digits_with_labels()
        found = made(with_shuffled(whole, seed) if sick else whole, seed, epochs=15)
        return Subject(found.model, whole, found.metrics)
    learn, epochs = {"vae": (vae, 80), "made": (made, 60), "gan": (game, 200)}[kind]
    found = learn(labelled(seed, shuffled=sick), seed, epochs)
    return Subject(found.model, labelled(seed), found.metrics)
