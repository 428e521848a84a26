"""Denoising models and chains over observations, healthy or with one defect."""

from __future__ import annotations

import simulacra
from benchmarks.doctor.case import Subject
from benchmarks.doctor.laws import data_of
from benchmarks.doctor.learned import subject
from benchmarks.doctor_models import toy
from simulacra.data.dataset import Dataset


def denoiser(data: Dataset, seed: int, corruption: str, latent: int = 32, epochs: float = 20) -> Subject:
    """Trains a denoising autoencoder.

    Args:
        data: the data set.
        seed: seed of weights and training.
        corruption: noise that it removes.
        latent: size of the code; too short a one loses more than the noise.
        epochs: passes of training.
    """
    make = lambda: simulacra.Autoencoder(data.space, latent=latent, hidden=(64,), corruption=corruption)
    return subject(make, data, seed, epochs=epochs, lr=5e-3)


def gsn(name: str, seed: int, epochs: float = 20, **options: object) -> Subject:
    """Trains a generative stochastic network.

    Args:
        name: name of the distribution of the data.
        seed: seed of data, weights and training.
        epochs: passes of training.
        options: arguments of the model.
    """
    data = data_of(name, seed)
    make = lambda: simulacra.GSN(data.space, latent=16, hidden=(32,), **options)
    return subject(make, data, seed, epochs=epochs, lr=5e-3)


def stuck(seed: int) -> Subject:
    """Trains a generative stochastic network with so little noise that its chain stays where it is."""
    data = toy("bars-and-stripes")
    little = {"corruption": "salt:0.01", "memory": False, "noise": 0.0}
    make = lambda: simulacra.GSN(data.space, latent=16, hidden=(32,), **little)
    return subject(make, data, seed, epochs=6, lr=5e-3)


def energy(name: str, seed: int, epochs: float = 10, **options: object) -> Subject:
    """Trains an energy by a network with noise-contrastive estimation.

    Args:
        name: name of the distribution of the data.
        seed: seed of data, weights and training.
        epochs: passes of training.
        options: arguments of the model.
    """
    data = data_of(name, seed)
    make = lambda: simulacra.NeuralEBM(data.space, hidden=(32, 32), objective="noise-contrastive", **options)
    return subject(make, data, seed, epochs=epochs, lr=5e-3)
