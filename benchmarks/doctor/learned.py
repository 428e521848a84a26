"""Models that are trained for seconds, on defective data or in a defective way."""

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
from simulacra.models.variational.parts.weighed_kl import anneal
from simulacra.models.variational.vae import negative_elbo


def subject(make: Callable[[], Model], data: Dataset, seed: int, **options: object) -> Subject:
    """Trains a model, and returns it with its metrics.

    Args:
        make: returns the untrained model.
        data: the data set.
        seed: seed of weights and training.
        options: options of `fit`.
    """
    model, metrics = trained(seeded(seed, make), data, seed, **options)
    return Subject(model, data, metrics)


def vae(data: Dataset, seed: int, epochs: float = 25, latent: int = 2, **options: object) -> Subject:
    """Trains a VAE with one hidden layer.

    Args:
        data: the data set.
        seed: seed of weights and training.
        epochs: passes of training.
        latent: number of latents.
        options: further arguments of the VAE.
    """
    make = lambda: simulacra.VAE(data.space, data.condition, latent=latent, hidden=(32,), **options)
    return subject(make, data, seed, epochs=epochs, lr=5e-3)


def made(data: Dataset, seed: int, epochs: float = 10) -> Subject:
    """Trains a MADE with one hidden layer."""
    make = lambda: simulacra.MADE(data.space, data.condition, hidden=(64,))
    return subject(make, data, seed, epochs=epochs, lr=5e-3)


def ppca(data: Dataset, seed: int, latent: int = 2) -> Subject:
    """Fits probabilistic PCA in closed form."""
    return subject(lambda: simulacra.PPCA(data.space, latent=latent), data, seed)


def tabular(data: Dataset, seed: int, epochs: float = 40) -> Subject:
    """Trains a small autoregressive model of a table."""
    make = lambda: simulacra.Tabular(data.space, hidden=(32,))
    return subject(make, data, seed, epochs=epochs, lr=5e-3)


def autoencoder(data: Dataset, seed: int, epochs: float = 20) -> Subject:
    """Trains a small autoencoder."""
    make = lambda: simulacra.Autoencoder(data.space, latent=2, hidden=(32,))
    return subject(make, data, seed, epochs=epochs, lr=5e-3)


def rbm(data: Dataset, seed: int, epochs: float = 10) -> Subject:
    """Trains a small RBM."""
    return subject(lambda: simulacra.RBM(data.space, hidden=16), data, seed, epochs=epochs)


def game(data: Dataset, seed: int, epochs: float = 10) -> Subject:
    """Trains a small GAN."""
    make = lambda: simulacra.GAN(data.space, data.condition, latent=4, hidden=(64, 64))
    return subject(make, data, seed, epochs=epochs)


@cache
def digits_with_labels() -> Dataset:
    """Returns binarized digits with their labels as condition."""
    return simulacra.load_data("digits", binarize="threshold", condition="label")


class PartVAE(simulacra.VAE):
    """A VAE of which some parts are never trained.

    Args:
        parts: prefixes of the names of the parameters that are trained.
    """

    parts: tuple[str, ...] = ("",)

    def updates(self) -> list[Update]:
        """Returns one update, of the trained parts only."""
        return [Update("vae", self.parts, negative_elbo, after=anneal)]


def part_trained(data: Dataset, seed: int, still: str, epochs: float = 25, told: bool = True) -> Subject:
    """Trains a VAE in which parameters whose names begin with `still` keep their initial values.

    Args:
        data: the data set.
        seed: seed of weights and training.
        still: prefix of the names of untrained parameters.
        epochs: passes of training.
        told: if True, the model's updates exclude the parts; otherwise only the weights reveal it.
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
    """Trains a VAE of independent bits, whose codes carry nothing."""
    x = (torch.rand(5000, 64, generator=torch.Generator().manual_seed(seed)) < 0.5).float()
    data = simulacra.data.from_tensors(x, simulacra.Binary((64,)), test=0.2)
    return vae(data, seed, epochs=15, latent=4)


def backwards(seed: int) -> Subject:
    """Returns an autoencoder whose decoder has negated output weights."""
    found = autoencoder(data_of("correlated", seed), seed)
    with torch.no_grad():
        last = [m for m in found.model.decoder.modules() if isinstance(m, nn.Linear)][-1]
        last.weight.neg_()
    return Subject(found.model, found.data)


def off_the_mean(seed: int) -> Subject:
    """Returns a VAE of levels whose reconstructions are all too bright."""
    found = vae(grey(), seed, epochs=6, latent=4)
    with torch.no_grad():
        last = [m for m in found.model.decoder.modules() if isinstance(m, nn.Linear)][-1]
        last.bias += 2.0
    return Subject(found.model, found.data)


def exploded(seed: int, by: float) -> Subject:
    """Returns a MADE with one layer multiplied by `by`, without metrics.

    Args:
        seed: seed of weights and training.
        by: factor of the largest weight matrix.
    """
    found = made(cut(), seed, epochs=4)
    with torch.no_grad():
        weights = max((p for p in found.model.parameters() if p.dim() > 1), key=torch.numel)
        weights *= by
    return Subject(found.model, found.data)


def half_off(seed: int) -> Subject:
    """Returns a VAE with two in three ReLUs off."""
    found = vae(bits(), seed, epochs=8, latent=4)
    with torch.no_grad():
        first = next(m for m in found.model.encoder.modules() if isinstance(m, nn.Linear))
        first.bias[:22] = -100.0
    return Subject(found.model, found.data)


def right_half(seed: int) -> Subject:
    """Returns an RNADE of the right half of the ring, with all of the ring as its data."""
    ring = toy("ring")
    half = ring.train.select((ring.train.x[:, 0] > -0.5).nonzero()[:, 0])
    cut_ring = Dataset("ring", {**ring.splits, "train": half}, ring.preprocessing)
    found = subject(lambda: simulacra.RNADE(ring.space, hidden=32), cut_ring, seed, epochs=8, lr=1e-2)
    return Subject(found.model, ring, found.metrics)


def ring_rnade(seed: int) -> Subject:
    """Returns an RNADE of the whole ring."""
    ring = toy("ring")
    return subject(lambda: simulacra.RNADE(ring.space, hidden=32), ring, seed, epochs=8, lr=1e-2)


def few_digits(seed: int, rows: int, epochs: float) -> Subject:
    """Trains a MADE on the first `rows` digits.

    Args:
        seed: seed of weights and training.
        rows: number of training rows.
        epochs: passes of training.
    """
    whole = cut()
    some = Dataset(
        "digits", {**whole.splits, "train": whole.train.select(torch.arange(rows))}, whole.preprocessing
    )
    return subject(
        lambda: simulacra.MADE(whole.space, hidden=(100,)), some, seed, epochs=epochs, batch_size=50, lr=3e-3
    )


def conditional(kind: str, seed: int, sick: bool) -> Subject:
    """Trains a conditional model, with permuted conditions if `sick`.

    Args:
        kind: `vae`, `made`, `gan` or `made of digits`.
        seed: seed of data, weights and training.
        sick: if True, the conditions of the training rows are permuted.
    """
    if kind == "made of digits":
        whole = digits_with_labels()
        found = made(with_shuffled(whole, seed) if sick else whole, seed, epochs=15)
        return Subject(found.model, whole, found.metrics)
    learn, epochs = {"vae": (vae, 80), "made": (made, 60), "gan": (game, 200)}[kind]
    found = learn(labelled(seed, shuffled=sick), seed, epochs)
    return Subject(found.model, labelled(seed), found.metrics)
