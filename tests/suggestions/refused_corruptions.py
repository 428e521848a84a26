"""Refusals of corruptions: file of the source, words of the sentence, and what is refused."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch

import simulacra
from simulacra import Audio, Binary, Real
from simulacra.core.corruption.parse import parse
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.audio import write_wav

IMAGES = Binary((1, 16, 16))


def mixed(corruption):
    """A corrupted recording."""
    return parse(corruption).apply(torch.zeros(1, 50), Rng(0), Audio((50,), 8000))


def mixed_at_another_rate(corruption=""):
    """A recording that is mixed with noise of another sampling rate."""
    with tempfile.TemporaryDirectory() as folder:
        write_wav(torch.zeros(80), 16000, Path(folder, "a.wav"))
        return mixed(corruption or f"mix:{folder}:10")


CORRUPTIONS = (
    (
        "core/corruption/corruption.py",
        "corruption {} needs {}, but the space is {}: use {}",
        lambda **o: simulacra.Autoencoder(Real((5,)), **{"latent": 2, "corruption": "salt:0.2", **o}),
    ),
    (
        "core/corruption/corruption.py",
        "the level of {} is {}, not {}: use {}",
        lambda **o: simulacra.Autoencoder(Real((5,)), **{"latent": 2, "corruption": "mask:1.5", **o}),
    ),
    (
        "core/corruption/corruption.py",
        "{} has no level, but {} was given: use {}",
        lambda **o: simulacra.Autoencoder(IMAGES, **{"latent": 2, "corruption": "edges:2", **o}),
    ),
    (
        "core/corruption/mix.py",
        "mix needs a folder of recordings",
        lambda **o: simulacra.Autoencoder(Audio((50,), 8000), **{"latent": 2, "corruption": "mix", **o}),
    ),
    (
        "core/corruption/mix.py",
        "the level of 'mix' is {}, not {}: use {}",
        lambda **o: simulacra.Autoencoder(
            Audio((50,), 8000), **{"latent": 2, "corruption": "mix:noises:much", **o}
        ),
    ),
    (
        "core/corruption/mix.py",
        "corruption 'mix' finds no recordings in {}",
        lambda **o: mixed(**{"corruption": "mix:nowhere:10", **o}),
    ),
    ("core/corruption/mix.py", "samples a second, but it is mixed with", mixed_at_another_rate),
    (
        "core/corruption/parse.py",
        "the level of {} is {}, not {}: use {}",
        lambda **o: simulacra.Autoencoder(Real((5,)), **{"latent": 2, "corruption": "mask:much", **o}),
    ),
    (
        "core/corruption/parse.py",
        "there is no corruption {}; possible are none, {}: use {}",
        lambda **o: simulacra.Autoencoder(Real((5,)), **{"latent": 2, "corruption": "maks:0.2", **o}),
    ),
)
