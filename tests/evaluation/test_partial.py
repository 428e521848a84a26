"""An evaluation that ends before its report is written is taken up, with the same bits."""

import shutil
from dataclasses import replace
from importlib import import_module

import pytest
import torch
from torch import nn

import simulacra
from contract.representatives import quick
from simulacra import Categorical
from simulacra.cli import main
from simulacra.evaluation import report_files
from simulacra.evaluation.likelihood import annealing
from simulacra.evaluation.measures import kept_parts as partial
from simulacra.evaluation.measures.kept_parts import PARTIAL, PLAIN, TENSOR, Store, keeping
from simulacra.evaluation.report import Report, read_report
from simulacra.evaluation.samples import extractor
from simulacra.evaluation.samples.extractor import extractor_for
from simulacra.evaluation.samples.implicit import sample_scores

pytestmark = pytest.mark.fault("doors 1.2")


class Calls:
    """A function in place of another, which counts its calls."""

    def __init__(self, function):
        self.function, self.n = function, 0

    def __call__(self, *args, **kwargs):
        self.n += 1
        return self.function(*args, **kwargs)


class Killed(BaseException):
    """Ends an evaluation, as a kill does."""


@pytest.fixture(autouse=True)
def world(tmp_path, monkeypatch):
    """A cache of its own, and every part is worth storing."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(partial, "WORTH", 0.0)


def energy(space, c):
    return simulacra.RBM(space, c, hidden=30)


def bits(classes=None):
    """Random rows of 26 bits, too many to sum over, with or without a class."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(200, 26, generator=generator).round()
    given = (
        {} if classes is None else {"c": torch.arange(200) % classes, "condition": Categorical((), classes)}
    )
    return simulacra.from_tensors(x, simulacra.Binary((26,)), test=0.3, **given)


def vae(space, c):
    return simulacra.VAE(space, latent=2, hidden=(9,))


# model, data, what is counted: module and function
MODELS = {
    "one log Z": (energy, bits, ("likelihood.annealing", "annealed")),
    "a log Z for each class": (energy, lambda: bits(3), ("likelihood.conditional_annealing", "annealed")),
    "a bound": (vae, bits, ("likelihood.held_out", "score")),
}
ASKED = {"limit": 50, "k": 5, "budget": None, "annealing": annealing.Annealing(30, 5, 10)}


@pytest.mark.slow
@pytest.mark.parametrize("name", quick(MODELS, ("a bound",).__contains__))
def test_a_killed_evaluation_is_taken_up_with_the_same_bits(name, tmp_path, monkeypatch):
    build, load, (place, function) = MODELS[name]
    data, module = load(), import_module(f"simulacra.evaluation.{place}")
    run = simulacra.fit(build(data.space, data.condition), data, out=tmp_path / "a", epochs=0.1, doctor=False)
    shutil.copytree(run.path, tmp_path / "b")
    undisturbed = simulacra.evaluate(replace(run, path=tmp_path / "b"), **ASKED)

    def kill(*_):
        raise Killed

    with monkeypatch.context() as now:
        now.setattr(Report, "write", kill)
        with pytest.raises(Killed):
            simulacra.evaluate(run, **ASKED)
    assert any((run.path / PARTIAL).iterdir())
    calls = Calls(getattr(module, function))
    monkeypatch.setattr(module, function, calls)
    found = simulacra.evaluate(run, **ASKED)
    assert calls.n == 0
    assert found.estimates.keys() == undisturbed.estimates.keys()
    for key, estimate in found.estimates.items():
        assert estimate.values.equal(undisturbed.estimates[key].values)
        assert estimate.summary() == undisturbed.estimates[key].summary()
    assert not (run.path / PARTIAL).exists()


def test_lengths_that_a_budget_bought_stay_those_of_the_first_start(tmp_path, monkeypatch):
    """The machine is slower when the evaluation goes on."""
    model, asked = energy(simulacra.Binary((40,)), None), annealing.Annealing(seconds=1.0)
    with keeping(tmp_path):
        first = asked.affordable(model)
        monkeypatch.setattr(annealing, "step_seconds", lambda *_: 10.0)
        assert asked.affordable(model) == first
    assert asked.affordable(model) != first


def test_features_of_rows_are_extracted_once_for_all_models(tmp_path, monkeypatch):
    data = simulacra.load_data("digits")
    networks = tmp_path / "networks"
    extractor_for(data, folder=networks)
    first, second = (simulacra.GAN(data.space, seed=seed) for seed in (0, 1))
    expected = [sample_scores(model, data, n=170, folder=tmp_path / "networks") for model in (first, second)]
    shutil.rmtree(networks / "features")
    calls = Calls(extractor.Extractor.features)
    monkeypatch.setattr(extractor.Extractor, "features", lambda *args: calls(*args))
    found, counts = [], []
    for model in (first, second, first):
        found.append(sample_scores(model, data, n=170, folder=networks))
        counts.append(calls.n)
    # rows of the test split, of the training split, and samples
    assert counts == [3, 4, 4]
    assert found == [*expected, expected[0]]


def test_features_of_a_module_from_memory_are_not_stored(tmp_path):
    data = simulacra.load_data("digits")
    kept = [
        sample_scores(simulacra.GAN(data.space), data, n=170, extractor=net, folder=tmp_path)
        for net in (Few(nn.Identity()), Few(nn.Sigmoid()))
    ]
    assert kept[0].model != kept[1].model and not (tmp_path / "features").exists()


class Few(nn.Module):
    """Eight entries of a row."""

    def __init__(self, act):
        super().__init__()
        self.act = act

    def forward(self, x):
        """act(x) from the middle of the row."""
        return self.act(x.flatten(1)[:, 27:35])


def test_a_store_is_bounded_and_its_oldest_parts_go(tmp_path):
    store = Store(tmp_path, most=5000)
    make = lambda i: torch.full((100,), i, dtype=torch.float64)
    for i in range(12):
        store.once("part", (i,), lambda i=i: make(i), TENSOR)
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert sum(sizes) <= 5000 and len(sizes) >= 3
    none = lambda: pytest.fail("made again")
    assert store.once("part", (11,), none, TENSOR).equal(make(11))
    assert store.once("part", (0,), lambda: make(0), TENSOR).equal(make(0))
    store.once("large", (), lambda: torch.zeros(10**4), TENSOR)
    assert not any(tmp_path.glob("large*"))


def test_a_damaged_part_is_made_again(tmp_path):
    store = Store(tmp_path)
    assert store.once("value", (1,), lambda: [1, 2], PLAIN) == [1, 2]
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:30])
    assert store.once("value", (1,), lambda: [1, 2], PLAIN) == [1, 2]
    assert store.once("value", (1,), lambda: pytest.fail("made again"), PLAIN) == [1, 2]


def test_other_weights_rows_and_seeds_are_other_parts(tmp_path):
    store, layer = Store(tmp_path), nn.Linear(2, 2)
    draw = lambda *of: store.once("part", of, lambda: torch.rand(3), TENSOR)
    other = nn.Linear(2, 2)
    found = [draw(*of) for of in ((layer, 0), (other, 0), (layer, 1), (layer, 0, torch.ones(2)))]
    assert len({tuple(t.tolist()) for t in found}) == 4
    assert draw(layer, 0).equal(found[0])
    # a step of training between two evaluations
    with torch.no_grad():
        layer.weight.add_(1)
    assert not Store(tmp_path).once("part", (layer, 0), lambda: torch.rand(3), TENSOR).equal(found[0])


def test_a_report_that_cannot_be_written_is_printed_first(tmp_path, monkeypatch, capsys):
    data = simulacra.load_data("ring")
    simulacra.fit(simulacra.PPCA(data.space, latent=1), data, out=tmp_path / "run", doctor=False)

    def full(*_):
        raise ValueError("the disk is full.")

    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as now:
        now.setattr(report_files, "write_json", full)
        assert main(["evaluate", "run"]) == 2
        done = capsys.readouterr()
        assert "nats" in done.out and "the disk is full" in done.err
        assert any((tmp_path / "run" / PARTIAL).iterdir())
    assert main(["evaluate", "run"]) == 0
    assert not (tmp_path / "run" / PARTIAL).exists() and read_report(tmp_path / "run").likelihood is not None
