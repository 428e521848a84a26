"""Arguments that corruptions, networks, games and training refuse, with a way out."""

import tempfile
from pathlib import Path

import torch

import simulacra
from simulacra import Audio, Binary, Categorical, Real
from simulacra.core.corruption.parse import parse
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.audio import write_wav
from simulacra.training.hardware.backend import choose_device

BITS = simulacra.from_tensors(torch.arange(240).view(40, 6) % 7 % 2, Binary((6,)))
FEW = simulacra.from_tensors(
    torch.arange(12).view(12, 1, 1, 1) % 2 * torch.ones(1, 16, 16), Binary((1, 16, 16))
)
IMAGES, CLASS = Binary((1, 16, 16)), Categorical((), 3)


def gan(**more):
    """A GAN whose critic has batch normalization."""
    return simulacra.GAN(IMAGES, **{"critic_normalization": "batch", "gradient_penalty": 1.0, **more})


def grown(**more):
    """A progressive GAN of digits, whose sides do not halve down to 4."""
    data = simulacra.load_data("digits", **{"limit": 20, "size": 6, **more})
    return simulacra.ProgressiveGAN(data.space, channels=2)


def trained(**more):
    """A training of rows that a batch normalization mixes."""
    model = simulacra.GAN(BITS.space, network="mlp", critic_normalization="batch")
    return simulacra.fit(model, BITS, **{"epochs": 0.1, "accumulate": 2, "progress": False, **more})


def mixed(corruption):
    """A corrupted recording."""
    return parse(corruption).apply(torch.zeros(1, 50), Rng(0), Audio((50,), 8000))


def mixed_at_another_rate(corruption=""):
    """A recording that is mixed with noise of another sampling rate."""
    with tempfile.TemporaryDirectory() as folder:
        write_wav(torch.zeros(80), 16000, Path(folder, "a.wav"))
        return mixed(corruption or f"mix:{folder}:10")


def few_rows(**more):
    """The training of a GAN on fewer rows than a reference batch has."""
    model = gan(**{"gradient_penalty": 0.0, **more})
    return simulacra.fit(model, FEW, epochs=1, progress=False, doctor=False)


# file of the source, words of the sentence, what is refused
OF_PIECES = (
    ("models/adversarial/game/two_player.py", "the critic's layer {}", lambda **o: gan(**o)),
    (
        "models/adversarial/game/pieces.py",
        "predicts a class, but",
        lambda **o: simulacra.GAN(Real((4,)), Real((2,)), **{"conditioning": "auxiliary", **o}),
    ),
    (
        "models/adversarial/game/pieces.py",
        "rows of data as its reference batch",
        lambda **o: few_rows(**{"normalization": "virtual", **o}),
    ),
    (
        "models/adversarial/growing/lapgan.py",
        "halvings is {}, but images of",
        lambda **o: simulacra.LAPGAN(IMAGES, **{"halvings": 9, "channels": 2, "hidden": (3,), **o}),
    ),
    ("models/adversarial/growing/progressive.py", "does not halve down to it", grown),
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
    (
        "nets/timed.py",
        "but the shape is {} and not (C, H, W): give {}",
        lambda **o: simulacra.DDPM(Real((3,)), **{"net": "unet", **o}),
    ),
    ("nets/coders.py", "use {}", lambda **o: simulacra.VAE(Real((5,)), **{"latent": 2, "net": "conv", **o})),
    (
        "nets/adversarial/players.py",
        "use {}",
        lambda **o: simulacra.GAN(Real((5,)), **{"network": "dcgan", **o}),
    ),
    (
        "nets/adversarial/players.py",
        "needs waves (T,) or sequences",
        lambda **o: simulacra.GAN(Real((2, 3, 5)), **{"network": "recurrent", **o}),
    ),
    (
        "nets/adversarial/recurrent_players.py",
        "frame_size is {}, but",
        lambda **o: simulacra.GAN(Real((5,)), **{"network": "recurrent", "frame_size": 7, **o}),
    ),
    (
        "nets/adversarial/recurrent_players.py",
        "hidden is ()",
        lambda **o: simulacra.GAN(Real((5,)), **{"network": "recurrent", "hidden": (), **o}),
    ),
    ("training/hardware/backend.py", "use {} or {}", lambda device="mps": choose_device(device)),
    ("training/steps/coupling.py", "use {}.", trained),
)
