"""Initial weights are a function of the constructor's arguments, `seed=` among them, and of nothing else."""

from __future__ import annotations

import inspect
import json

import pytest
import torch

import simulacra
from contract.cases import CATALOGUED, named
from contract.harness import differing, state
from simulacra.cli import main
from simulacra.core.model import Model
from simulacra.core.random.keyed import initial_weights
from simulacra.models.catalog import CATALOG, find
from simulacra.training.state.seeds import seed_group

pytestmark = pytest.mark.fault("scores 3.3")


def fresh(case, **seed):
    """A model of a case's class without a word on torch's global generator."""
    data = case.data()
    more = {"condition": data.condition} if data.condition is not None else {}
    return case.kind(data.space, **more, **case.arguments, **seed)


@pytest.mark.parametrize("case", CATALOGUED, ids=str)
def test_the_same_arguments_begin_with_the_same_weights(case):
    torch.manual_seed(1)
    first = fresh(case)
    torch.manual_seed(2)
    torch.rand(5)
    assert not differing(state(first), state(fresh(case)))
    assert first.arguments["seed"] == 0


@pytest.mark.parametrize("name", ["vae", "gan", "rbm", "made", "stacked-autoencoder"])
def test_another_seed_begins_with_other_weights(name):
    case = named(name)
    assert differing(state(fresh(case, seed=4)), state(fresh(case, seed=5)))
    assert not differing(state(fresh(case, seed=4)), state(fresh(case, seed=4)))


def test_every_constructor_shows_its_seed():
    for entry in CATALOG:
        parameter = inspect.signature(find(entry).load()).parameters["seed"]
        assert parameter.default == 0 and parameter.kind is parameter.KEYWORD_ONLY


def test_the_global_generator_goes_on_as_if_nothing_had_been_made():
    data = simulacra.load_data("ring")
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    simulacra.VAE(data.space, latent=2)
    assert torch.equal(torch.rand(3), expected)


def test_fit_of_a_fresh_model_is_reproducible(tmp_path):
    data = simulacra.load_data("ring")
    runs = []
    for i in range(2):
        model = simulacra.VAE(data.space, latent=2, hidden=(7,))
        runs.append(simulacra.fit(model, data, out=tmp_path / str(i), seed=3, epochs=0.1, doctor=False))
    assert not differing(*(state(run.model) for run in runs))


def test_the_seed_is_recorded_and_a_file_gives_it_back(tmp_path):
    data = simulacra.load_data("ring")
    simulacra.VAE(data.space, latent=2, hidden=(7,), seed=11).save(tmp_path / "model")
    assert json.loads((tmp_path / "model" / "config.json").read_text())["arguments"]["seed"] == 11
    assert simulacra.load(tmp_path / "model").arguments["seed"] == 11


def test_the_seed_of_the_command_line_is_that_of_both(tmp_path):
    found = {}
    for seed in ("0", "6"):
        out = tmp_path / seed
        words = ["train", "vae", "ring", "--epochs", "0.1", "--seed", seed, "--out", str(out)]
        assert main([*words, "--model.hidden", "[5]", "--model.latent", "2"]) == 0
        config = json.loads((out / "config.json").read_text())
        assert config["arguments"]["seed"] == config["options"]["seed"] == int(seed)
        found[seed] = state(simulacra.load(out))
    assert differing(found["0"], found["6"])


class Pair(Model):
    """Two models in one."""

    def __init__(self, space):
        super().__init__(space)
        self.parts = torch.nn.ModuleList(simulacra.VAE(space, latent=2, hidden=(3,)) for _ in range(2))

    def updates(self):
        return []


def test_parts_of_a_model_are_not_all_alike():
    space = simulacra.load_data("ring").space
    a, b = (state(part) for part in Pair(space).parts)
    assert differing(a, b)
    assert not differing(state(Pair(space)), state(Pair(space)))


class Own(Model):
    """A class with a seed of its own."""

    def __init__(self, space, seed: int = 5):
        super().__init__(space)
        self.seed, self.layer = seed, torch.nn.Linear(2, 3)

    def updates(self):
        return []


def test_a_seed_of_the_class_itself_is_passed_on():
    space = simulacra.load_data("ring").space
    assert Own(space).seed == 5 and Own(space, seed=6).seed == 6
    assert Own(space, seed=6).arguments["seed"] == 6
    assert differing(state(Own(space, seed=6)), state(Own(space, seed=7)))


def test_weights_are_those_of_torch_with_the_same_seed():
    torch.manual_seed(2)
    a = torch.rand(4)
    with initial_weights(2), initial_weights(None):
        b = torch.rand(4)
    assert torch.equal(a, b)


def test_runs_of_several_seeds_are_one_experiment():
    run = {"model": "VAE", "arguments": {"latent": 2, "seed": 0}, "data": {}, "options": {"seed": 0}}
    again = {**run, "arguments": {"latent": 2, "seed": 4}, "options": {"seed": 4}}
    # of a version whose constructors had no seed
    before = {**run, "arguments": {"latent": 2}}
    other = {**run, "arguments": {"latent": 3, "seed": 0}}
    assert seed_group(run) == seed_group(again) == seed_group(before) != seed_group(other)


@pytest.mark.fault("doors 2.5")
def test_a_draw_without_a_seed_is_new_and_torch_makes_it_repeatable():
    data = simulacra.load_data("ring")
    model = simulacra.PPCA(data.space, latent=1)
    assert not torch.equal(model.sample(5), model.sample(5))
    assert torch.equal(model.sample(5, seed=3), model.sample(5, seed=3))
    drawn = []
    for _ in range(2):
        torch.manual_seed(8)
        drawn.append(model.sample(5))
    assert torch.equal(*drawn)
    # what is scored and coded answers the same
    x = data.test.x[:4]
    vae = simulacra.VAE(data.space, latent=2)
    assert torch.equal(vae.log_prob(x, k=3).values, vae.log_prob(x, k=3).values)
    assert torch.equal(vae.encode(x), vae.encode(x))


@pytest.mark.fault("doors 2.5")
def test_a_completion_without_a_seed_is_new():
    rows = torch.randint(0, 2, (60, 30)).to(torch.uint8)
    data = simulacra.from_tensors(rows, simulacra.Binary((30,)))
    model, known = simulacra.RBM(data.space, hidden=3), torch.arange(30) < 5
    first, second = (model.complete(rows[:9], known) for _ in range(2))
    assert not torch.equal(first, second) and torch.equal(first[:, :5], rows[:9, :5])
    assert torch.equal(*(model.complete(rows[:9], known, seed=1) for _ in range(2)))
