"""What refusals suggest of a model or of training, taken from the refusal, works."""

import pytest
import torch
from refused_arguments import BITS, CLASS, FIRST, distilled, trained

import simulacra
from simulacra import Real
from simulacra.core.errors.suggestion import Phrase, Refusal, command, load_with
from simulacra.training.hardware.backend import choose_device

pytestmark = pytest.mark.fault("doors 2.6")

# file of the source, words of the sentence, what is refused
REFUSED = (
    *FIRST,
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
        "models/diffusion/flow_matching.py",
        "a draw takes at least one: take {}",
        lambda **o: simulacra.FlowMatching(Real((3,)), **{"steps": 0, **o}),
    ),
    (
        "models/diffusion/consistency.py",
        "a way has at least two steps: take {}",
        lambda **o: simulacra.Consistency(Real((3,)), **{"levels": 1, **o}),
    ),
    (
        "models/diffusion/consistency.py",
        "but there is no condition: give {}",
        lambda **o: simulacra.Consistency(Real((3,)), **{"guidance": 2.0, **o}),
    ),
    (
        "models/diffusion/consistency.py",
        "the teacher always saw its condition: give {}",
        lambda **o: distilled(**{"guidance": 2.0, **o}),
    ),
    (
        "models/flows/flow.py",
        "but a flow has at least one: take {}",
        lambda **o: simulacra.Flow(Real((3,)), **{"layers": 0, **o}),
    ),
    (
        "models/flows/flow.py",
        "a layer has at least one unit: take {}",
        lambda **o: simulacra.Flow(Real((3,)), **{"hidden": (0,), **o}),
    ),
    (
        "models/flows/flow.py",
        "has one: take {}",
        lambda **o: simulacra.Flow(Real((1,)), **{"kind": "nice", **o}),
    ),
    (
        "models/flows/flow.py",
        "only from 2 couplings on: take {}",
        lambda **o: simulacra.Flow(Real((3,)), **{"kind": "nice", "layers": 1, **o}),
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
