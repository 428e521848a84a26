"""What is saved answers the same, and says how the model was built."""

from __future__ import annotations

import json

import pytest
import torch

import simulacra
from contract.cases import CASES, named
from contract.harness import differing, state
from contract.use import answers, trained
from simulacra.core.artifact import build_model, describe, load_weights

every = pytest.mark.parametrize("case", CASES, ids=str)


@every
def test_a_saved_model_answers_the_same(case, tmp_path):
    model = trained(case)
    model.save(tmp_path)
    if case.catalogued:
        loaded = simulacra.load(tmp_path)
    else:
        loaded = build_model(json.loads((tmp_path / "config.json").read_text()), case.kind, {})
        load_weights(loaded, tmp_path / "model.safetensors")
    assert not differing(answers(model, case), answers(loaded, case))
    assert not differing(state(model), state(loaded))
    assert loaded.capabilities() == model.capabilities()


@every
def test_the_recorded_arguments_make_the_same_model(case):
    model = case.build()
    again = case.kind(**model.arguments)
    assert {n: t.shape for n, t in model.state_dict().items()} == {
        n: t.shape for n, t in again.state_dict().items()
    }
    rebuilt = build_model(json.loads(json.dumps(describe(model))), case.kind, {})
    assert rebuilt.arguments == model.arguments
    assert rebuilt.preprocessing == model.preprocessing


def test_own_networks_are_passed_again(tmp_path):
    """They are recorded as text; loading names what to pass, and takes it back."""
    make = lambda: torch.nn.Linear(2, 6)
    simulacra.VAE(named("vae/real").data().space, latent=3, encoder=make(), hidden=(5,)).save(tmp_path)
    with pytest.raises(ValueError, match="built with its own encoder"):
        simulacra.load(tmp_path)
    assert simulacra.load(tmp_path, encoder=make()).sample(2).shape == (2, 2)
