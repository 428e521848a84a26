"""Networks and classes of the user's own are passed again when a model is loaded."""

from __future__ import annotations

import pytest
import torch

import simulacra
from contract.cases import real
from contract.harness import die, differing, in_child, state
from contract.saving import FORMS, QUIET
from contract.toys.gaussian import GaussianModel
from data.refusal import sentence_of
from simulacra.core.spaces.plain import Real


def linear(n: int = 2, m: int = 6) -> torch.nn.Linear:
    """A network of the user's own."""
    return torch.nn.Linear(n, m)


def vae_with_own_encoder() -> simulacra.Model:
    """A VAE of real pairs with a network passed in."""
    return simulacra.VAE(Real((2,)), latent=3, encoder=linear(), hidden=(5,))


@pytest.mark.parametrize("form", FORMS)
def test_own_networks_are_passed_again(form, tmp_path):
    """They are recorded as text; loading names what to pass, and takes it back."""
    model, path = vae_with_own_encoder(), tmp_path / form
    model.save(path)
    load = lambda **passed: lambda: simulacra.load(path, **passed)
    sentence_of(load(), "built with its own encoder", "encoder=", "Linear(in_features=2, out_features=6")
    assert not differing(state(simulacra.load(path, encoder=linear())), state(model))
    sentence_of(load(encoder=linear(2, 7)), "encoder gives shape", "(B, 6)")
    sentence_of(load(encoder=torch.nn.Sequential(linear())), "lacks tensor 'encoder.0.weight'")
    sentence_of(load(encoder=torch.nn.Linear(2, 6, bias=False)), "unknown tensor 'encoder.bias'")
    deep = torch.nn.Sequential(linear(2, 4), linear(4, 6))
    sentence_of(load(encoder=deep), "lacks tensor 'encoder.0.weight'")
    sentence_of(load(encoder=3), "make no VAE")
    sentence_of(load(encoder=linear(), decoder=linear(3, 4)), "not built with its own decoder")
    sentence_of(load(encoder=linear(), latent=3), "not built with its own latent")


class Mine(GaussianModel):
    """A class that no catalogue lists."""


class MyVAE(simulacra.VAE):
    """A class of the user's own that takes many steps."""


class VAE(GaussianModel):
    """A class of the user's own with a name of the catalogue."""


def test_own_classes_are_passed_again(tmp_path):
    """For `load`, `load_run` and `resume`; nothing is imported by name."""
    run = simulacra.fit(Mine(Real((3,))), real(3), out=tmp_path / "run", **QUIET)
    path = run.path
    for attempt in (simulacra.load, simulacra.load_run, simulacra.resume):
        sentence_of(lambda: attempt(path), "'Mine'", "kind=MyModel")  # noqa: B023
        sentence_of(lambda: attempt(path, kind=GaussianModel), "GaussianModel", "pass the class")  # noqa: B023
        sentence_of(lambda: attempt(path, kind="Mine"), "must be a class")  # noqa: B023
    assert not differing(state(simulacra.load(path, kind=Mine)), state(run.model))
    assert type(simulacra.load_run(path, kind=Mine).model) is Mine
    resumed = simulacra.resume(path, kind=Mine, data=real(3))
    assert not differing(state(resumed.model), state(run.model))


def test_an_own_run_that_was_killed_goes_on(tmp_path):
    kill = lambda loop, ended: die() if loop.position.total_steps == 3 else None
    options = {**QUIET, "checkpoint_seconds": 0.0}

    def fit(name, **more):
        torch.manual_seed(0)
        model = MyVAE(Real((3,)), latent=2, hidden=(5,))
        return simulacra.fit(model, real(3), out=tmp_path / name, **options, **more)

    whole = fit("a")
    assert in_child(lambda: fit("b", callbacks=(kill,))) != 0
    resumed = simulacra.resume(tmp_path / "b", kind=MyVAE, data=real(3))
    assert not differing(state(whole.model), state(resumed.model))


def test_an_own_class_is_not_taken_for_one_of_the_catalogue(tmp_path):
    VAE(Real((3,))).save(tmp_path / "m")
    sentence_of(lambda: simulacra.load(tmp_path / "m"), "'VAE'", "kind=MyModel")
    assert type(simulacra.load(tmp_path / "m", kind=VAE)) is VAE
