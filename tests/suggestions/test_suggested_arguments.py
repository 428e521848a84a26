"""What refusals suggest of a model or of training, taken from the refusal, works."""

import tempfile
from pathlib import Path

import pytest
import torch
from model_refusals import BITS, MODELS

import simulacra
from simulacra import Audio, Binary, Real
from simulacra.core.corruption.parse import parse
from simulacra.core.errors.suggestion import Phrase, Refusal, command, load_with
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.audio import write_wav
from simulacra.training.hardware.backend import choose_device

pytestmark = pytest.mark.fault("doors 2.6")
IMAGES = Binary((1, 16, 16))


def gan(**more):
    """A GAN whose critic has batch normalization."""
    return simulacra.GAN(IMAGES, **{"critic_normalization": "batch", "gradient_penalty": 1.0, **more})


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


# file of the source, words of the sentence, what is refused
REFUSED = (
    *MODELS,
    ("models/adversarial/game/two_player.py", "the critic's layer {}", lambda **o: gan(**o)),
    (
        "models/adversarial/game/pieces.py",
        "predicts a class, but",
        lambda **o: simulacra.GAN(Real((4,)), Real((2,)), **{"conditioning": "auxiliary", **o}),
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
    ("training/hardware/backend.py", "use {} or {}", lambda device="mps": choose_device(device)),
    ("training/steps/coupling.py", "use {}.", trained),
)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case[0]}: {case[1]}")
def test_each_way_out_of_a_refusal_works(case):
    file, words, attempt = case
    if file == "training/hardware/backend.py" and torch.backends.mps.is_available():
        pytest.skip("this machine has the device")
    with pytest.raises(Refusal) as refused:
        attempt()
    ways = refused.value.suggestions
    assert ways
    for part in words.split("{}"):
        assert part in str(refused.value)
    for way in ways:
        # the sentence names what is suggested
        assert str(way) in str(refused.value)
        attempt(**dict(way.options))


def test_a_suggestion_is_data():
    way = load_with(types={"a b": "drop"}, stream=False, validation=0.1)
    assert way.words == (
        *("--data.types", '{"a b": "drop"}', "--data.stream", "false"),
        *("--data.validation", "0.1"),
    )
    assert way.json() == {
        "of": "data",
        "options": {"types": {"a b": "drop"}, "stream": False, "validation": 0.1},
    }
    assert command("train", "--resume", "a").json() == {"command": ["train", "--resume", "a"]}
    inner = Phrase(f"load it with {way}", way)
    error = Refusal(f"odd: {inner}.", inner, "plain words")
    assert error.suggestions == (way,) and Refusal("again", error).suggestions == (way,)
    assert isinstance(error, ValueError) and str(error).startswith("odd: load it with types={")
