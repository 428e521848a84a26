"""What refusals suggest of a model or of training, taken from the refusal, works."""

import tempfile
from pathlib import Path

import pytest
import torch
from refused_flows import FLOWS

import simulacra
from simulacra import Audio, Binary, Categorical, Real
from simulacra.core.corruption.parse import parse
from simulacra.core.errors.suggestion import Phrase, Refusal, command, load_with
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.audio import write_wav
from simulacra.training.hardware.backend import choose_device

pytestmark = pytest.mark.fault("doors 2.6")
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
    *FLOWS,
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
    (
        "core/corruption/parse.py",
        "there is no corruption {}; possible are none, {}: use {}",
        lambda **o: simulacra.Autoencoder(Real((5,)), **{"latent": 2, "corruption": "maks:0.2", **o}),
    ),
    (
        "models/chains/energy_net.py",
        "hidden layers is linear: use {}",
        lambda **o: simulacra.NeuralEBM(Real((3,)), **{"hidden": (), **o}),
    ),
    (
        "models/chains/energy_net.py",
        "learns the curvature of the energy",
        lambda **o: simulacra.NeuralEBM(Real((3,)), **{"activation": "relu", **o}),
    ),
    (
        "models/chains/gsn.py",
        "a standard deviation is at least 0: use {}",
        lambda **o: simulacra.GSN(BITS.space, **{"noise": -1.0, **o}),
    ),
    (
        "models/chains/discriminant_gsn.py",
        "a label is replaced with a probability above 0 and up to 1",
        lambda **o: simulacra.DiscriminantGSN(Real((3,)), CLASS, **{"replaced": 0.0, **o}),
    ),
    (
        "models/autoencoders/contractive.py",
        "a standard deviation is finite and at least 0: use {}",
        lambda **o: simulacra.ContractiveAutoencoder(Real((3,)), **{"noise": -1.0, **o}),
    ),
    (
        "models/autoencoders/contractive.py",
        "a walk takes at least one step: use {}",
        lambda **o: simulacra.ContractiveAutoencoder(Real((3,)), **{"burn_in": 0, **o}),
    ),
    (
        "models/boltzmann/deep/deep_autoencoder.py",
        "needs 0/1 or levels, but the space is {}: use {}",
        lambda **o: simulacra.DeepAutoencoder(Real((3,)), **{"error": "cross-entropy", **o}),
    ),
    (
        "models/boltzmann/deep/deep_autoencoder.py",
        "has at least one layer, each of at least one",
        lambda **o: simulacra.DeepAutoencoder(BITS.space, **{"layers": (5, 0), **o}),
    ),
    (
        "models/boltzmann/deep/deep_autoencoder.py",
        "layers to train first: use {}",
        lambda **o: simulacra.DeepAutoencoder(BITS.space, **{"layers": (5, 2), "pretrain": 3, **o}),
    ),
    (
        "models/diffusion/given.py",
        "a share of rows lies in [0, 1): take {}",
        lambda **o: simulacra.DDPM(Real((3,)), CLASS, **{"drop": 1.5, **o}),
    ),
    (
        "models/diffusion/steps/completion.py",
        "a completion draws each step at least once: take {}",
        lambda **o: simulacra.DDPM(Real((3,)), **{"resamples": 0, **o}),
    ),
    (
        "models/diffusion/inversion.py",
        "a diffusion has at least two steps: take {}",
        lambda **o: simulacra.Diffusion(BITS.space, **{"T": 1, **o}),
    ),
    (
        "nets/timed.py",
        "but the shape is {} and not (C, H, W): give {}",
        lambda **o: simulacra.DDPM(Real((3,)), **{"net": "unet", **o}),
    ),
    (
        "models/beliefs/bidirectional.py",
        "differences between draws: take {}",
        lambda **o: simulacra.BiHM(BITS.space, **{"k": 1, **o}),
    ),
    (
        "models/beliefs/bidirectional.py",
        "one of 1 or more: take {}",
        lambda **o: simulacra.BiHM(BITS.space, **{"proposals": 0, **o}),
    ),
    (
        "models/beliefs/mean_field.py",
        "one sweep or more: take {}",
        lambda **o: simulacra.MeanFieldSBN(BITS.space, **{"steps": 0, **o}),
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
