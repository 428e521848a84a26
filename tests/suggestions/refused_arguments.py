"""Arguments that a model or a training refuses, with words of the sentence: the first half."""

import tempfile
from pathlib import Path

import torch

import simulacra
from simulacra import Audio, Binary, Categorical, Real
from simulacra.core.corruption.parse import parse
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.audio import write_wav

BITS = simulacra.from_tensors(torch.arange(240).view(40, 6) % 7 % 2, Binary((6,)))
IMAGES, CLASS = Binary((1, 16, 16)), Categorical((), 3)


def gan(**more):
    """A GAN whose critic has batch normalization."""
    return simulacra.GAN(IMAGES, **{"critic_normalization": "batch", "gradient_penalty": 1.0, **more})


def trained(**more):
    """A training of rows that a batch normalization mixes."""
    model = simulacra.GAN(BITS.space, network="mlp", critic_normalization="batch")
    return simulacra.fit(model, BITS, **{"epochs": 0.1, "accumulate": 2, "progress": False, **more})


def memorized(**more):
    """The training of a memorizer with fewer codes than rows."""
    model = simulacra.Memorizer(BITS.space, **{"codes": "one-hot", "rows": 3, "hidden": (2,), **more})
    return simulacra.fit(model, BITS, epochs=1, progress=False, doctor=False)


def distilled(**more):
    """A consistency model whose teacher always saw its condition."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/teacher.safetensors"
        simulacra.FlowMatching(Real((2,)), CLASS, hidden=(3,), drop=0.0).save(path)
        return simulacra.Consistency(Real((2,)), CLASS, teacher=path, **more).teacher()


def mixed(corruption):
    """A corrupted recording."""
    return parse(corruption).apply(torch.zeros(1, 50), Rng(0), Audio((50,), 8000))


def mixed_at_another_rate(corruption=""):
    """A recording that is mixed with noise of another sampling rate."""
    with tempfile.TemporaryDirectory() as folder:
        write_wav(torch.zeros(80), 16000, Path(folder, "a.wav"))
        return mixed(corruption or f"mix:{folder}:10")


# file of the source, words of the sentence, what is refused
FIRST = (
    (
        "models/autoencoders/memorizer.py",
        "but a memorizer has at least one",
        lambda **o: simulacra.Memorizer(Real((4,)), **{"rows": 0, **o}),
    ),
    (
        "models/autoencoders/memorizer.py",
        "training rows, but the memorizer has",
        lambda **o: memorized(**o),
    ),
    ("models/adversarial/game/two_player.py", "the critic's layer {}", lambda **o: gan(**o)),
    (
        "models/adversarial/game/pieces.py",
        "predicts a class, but",
        lambda **o: simulacra.GAN(Real((4,)), Real((2,)), **{"conditioning": "auxiliary", **o}),
    ),
    (
        "models/boltzmann/recurrent/frames.py",
        "for every frame",
        lambda **o: simulacra.RNNRBM(
            simulacra.Sequence((5, 40), Binary((40,))), **{"hidden": 40, "estimator": "exact", **o}
        ),
    ),
    (
        "models/boltzmann/restricted/grouped_rbm.py",
        "from p(y|v) alone",
        lambda **o: simulacra.GroupedRBM(Binary((6,)), CLASS, **{"objective": "discriminative", **o}),
    ),
    (
        "models/boltzmann/machine/learning.py",
        "chains persist for one law",
        lambda **o: simulacra.RBM(Binary((6,)), CLASS, **{"hidden": 3, "estimator": "pcd", **o}),
    ),
    (
        "models/boltzmann/machine/learning.py",
        "take {}, whose chains begin at the data",
        lambda **o: simulacra.RBM(Binary((40,)), **{"hidden": 40, "estimator": "exact", **o}),
    ),
    (
        "models/boltzmann/pairwise/unrolled.py",
        "a grid needs images of one channel",
        lambda **o: simulacra.UnrolledMRF(Binary((9,)), **{"edges": "grid", **o}),
    ),
    (
        "models/moments/abc.py",
        "but the regression on {} summaries",
        lambda **o: simulacra.ABC(Real((3,)), **{"simulations": 50, **o}),
    ),
    (
        "models/moments/abc.py",
        "cannot be moved to other moments",
        lambda **o: simulacra.ABC(Binary((3,)), **{"corrected": True, **o}),
    ),
    (
        "models/moments/simulators.py",
        ", but the space is",
        lambda **o: simulacra.ABC(Binary((3,)), **{"simulator": "normal", **o}),
    ),
    (
        "models/beliefs/estimators/choice.py",
        "draws or more: take {}",
        lambda **o: simulacra.BeliefNet(BITS.space, **{"estimator": "leave-one-out", "k": 1, **o}),
    ),
    (
        "models/beliefs/estimators/choice.py",
        "needs independent units: take {}",
        lambda **o: simulacra.BeliefNet(
            BITS.space, **{"estimator": "straight-through", "recognition": "darn", **o}
        ),
    ),
    (
        "models/beliefs/stacks/generative.py",
        "but the space is {}: take {}",
        lambda **o: simulacra.DARN(Real((4,)), **{"visible": "nade", **o}),
    ),
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
)
