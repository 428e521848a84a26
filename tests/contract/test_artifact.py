"""What is saved answers the same, in a folder and in one file, and says how the model was built."""

from __future__ import annotations

import json
import stat
import subprocess
import sys

import pytest
import torch

import simulacra
from cli.cli_process import environment
from contract.cases import BATCH, CASES, classes, named, real
from contract.harness import die, differing, in_child, state
from contract.toys.gaussian import GaussianModel
from contract.use import answers, trained
from data.refusal import sentence_of
from simulacra.cli import main
from simulacra.core.artifact import build_model, describe
from simulacra.core.files import read_json, read_tensors, write_json
from simulacra.core.space import Real

every = pytest.mark.parametrize("case", CASES, ids=str)
FORMS = ("folder", "one.safetensors")
QUIET = {"epochs": 1, "batch_size": BATCH, "device": "cpu", "progress": False}


def opened(case, path):
    """What a case saved, with its class where it is none of the catalogue."""
    return simulacra.load(path) if case.catalogued else simulacra.load(path, kind=case.kind)


@pytest.mark.parametrize("form", FORMS)
@every
def test_a_saved_model_answers_the_same(case, form, tmp_path):
    model = trained(case)
    model.save(tmp_path / "a" / form)
    loaded = opened(case, tmp_path / "a" / form)
    assert not differing(answers(model, case), answers(loaded, case))
    assert not differing(state(model), state(loaded))
    assert loaded.capabilities() == model.capabilities() and not loaded.training
    # and saved again, in the other form
    other = tmp_path / "b" / next(f for f in FORMS if f != form)
    loaded.save(other)
    assert describe(opened(case, other)) == describe(model)


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


@every
def test_every_model_can_be_built_without_memory(case):
    """And that draws no number of the global generator, so that a resumed run begins as the first did."""
    config = json.loads(json.dumps(describe(case.build())))
    before = torch.get_rng_state()
    with torch.device("meta"):
        own = build_model(config, case.kind, {}).state_dict()
    assert torch.equal(before, torch.get_rng_state())
    assert own and all(t.is_meta for t in own.values())


PROCESS = """
import json, sys, simulacra
x, c = json.loads(sys.argv[1])
for path in sys.argv[2:]:
    model = simulacra.load(path)
    values = model.log_prob(x, c, k=7, seed=3).values
    print(json.dumps([model.sample(11, 1, seed=5).tolist(), values.tolist(), list(model.label_names)]))
"""


def test_another_process_without_the_data(tmp_path):
    """Raw in, raw out: same bits for samples and scores, from both forms."""
    case = named("vae/conditional")
    model = case.build()
    names = model.label_names = ("a", "b", "c")
    x, c = case.data().test.x[:5], case.data().test.c[:5]
    for form in FORMS:
        model.save(tmp_path / form)
    done = subprocess.run(
        [sys.executable, "-c", PROCESS, json.dumps([x.tolist(), c.tolist()]), *FORMS],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=environment(),
    )
    samples, scores = model.sample(11, 1, seed=5), model.log_prob(x, c, k=7, seed=3).values
    expected = [samples.tolist(), scores.tolist(), list(names)]
    assert [json.loads(line) for line in done.stdout.splitlines()] == [expected, expected]


def test_the_precision_is_that_of_the_saved_model(tmp_path):
    model = simulacra.PPCA(Real((3,)), latent=2).double()
    with torch.no_grad():
        for p in model.parameters():
            p += torch.pi / 3e9  # less than a float32 can tell
    model.save(tmp_path / "m")
    loaded = simulacra.load(tmp_path / "m")
    assert loaded.dtype == torch.float64 and not differing(state(model), state(loaded))


def test_the_command_line_takes_one_file(tmp_path, capsys):
    """Samples go beside it, where nothing else is said."""
    named("ppca").build().save(tmp_path / "m.safetensors")
    assert main(["sample", str(tmp_path / "m.safetensors"), "--n", "3"]) == 0
    assert (tmp_path / "samples" / "seed-0.png").is_file()
    assert main(["evaluate", str(tmp_path / "m.safetensors")]) == 2
    assert "is a saved model, not a run" in capsys.readouterr().err


# ---- where it may be written


def test_a_run_is_not_overwritten(tmp_path):
    """Its configuration says what it was trained on; a saved model is replaced."""
    run = simulacra.fit(named("ppca").build(), real(3), out=tmp_path / "run", **QUIET)
    before = {p: p.read_bytes() for p in run.path.iterdir()}
    sentence_of(lambda: run.model.save(run.path), "holds a run", "elsewhere")
    assert {p: p.read_bytes() for p in run.path.iterdir()} == before
    for latent in (1, 2):
        simulacra.PPCA(Real((3,)), latent=latent).save(tmp_path / "saved")
    assert simulacra.load(tmp_path / "saved").arguments["latent"] == 2


def test_places_that_are_taken(tmp_path):
    model = simulacra.PPCA(Real((3,)), latent=2)
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder.safetensors").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text('{"architectures": ["another"]}')
    sentence_of(lambda: model.save(tmp_path / "file"), "is a file")
    sentence_of(lambda: model.save(tmp_path / "folder.safetensors"), "is a folder")
    sentence_of(lambda: model.save(tmp_path / "other"), "not written by simulacra")
    assert [p.name for p in (tmp_path / "other").iterdir()] == ["config.json"]


def test_a_model_that_is_none_is_not_saved(tmp_path):
    model = simulacra.PPCA(Real((3,)), latent=2)
    with torch.no_grad():
        next(iter(model.state_dict().values())).view(-1)[0] = torch.nan
    sentence_of(lambda: model.save(tmp_path / "m.safetensors"), "NaN or infinite", "not saved")
    assert not list(tmp_path.iterdir())


def test_others_may_read_what_the_umask_allows(tmp_path):
    simulacra.PPCA(Real((3,)), latent=2).save(tmp_path / "m")
    (tmp_path / "plain").touch()
    modes = {stat.S_IMODE(p.stat().st_mode) for p in [tmp_path / "plain", *(tmp_path / "m").iterdir()]}
    assert len(modes) == 1


# ---- networks and classes of the user's own


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
    """For `load`, `open_run` and `resume`; nothing is imported by name."""
    run = simulacra.fit(Mine(Real((3,))), real(3), out=tmp_path / "run", **QUIET)
    path = run.path
    for attempt in (simulacra.load, simulacra.open_run, simulacra.resume):
        sentence_of(lambda: attempt(path), "'Mine'", "kind=MyModel")  # noqa: B023
        sentence_of(lambda: attempt(path, kind=GaussianModel), "GaussianModel", "pass the class")  # noqa: B023
        sentence_of(lambda: attempt(path, kind="Mine"), "must be a class")  # noqa: B023
    assert not differing(state(simulacra.load(path, kind=Mine)), state(run.model))
    assert type(simulacra.open_run(path, kind=Mine).model) is Mine
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
    assert in_child(lambda: fit("b", watchers=(kill,))) != 0
    resumed = simulacra.resume(tmp_path / "b", kind=MyVAE, data=real(3))
    assert not differing(state(whole.model), state(resumed.model))


def test_an_own_class_is_not_taken_for_one_of_the_catalogue(tmp_path):
    VAE(Real((3,))).save(tmp_path / "m")
    sentence_of(lambda: simulacra.load(tmp_path / "m"), "'VAE'", "kind=MyModel")
    assert type(simulacra.load(tmp_path / "m", kind=VAE)) is VAE


# ---- scores that travel


def test_estimates_travel_with_the_model(tmp_path):
    """From `evaluate` into the run's configuration, from there with the model into both forms."""
    data = classes(3)
    model = simulacra.VAE(data.space, data.condition, latent=2, hidden=(7,))
    run = simulacra.fit(model, data, out=tmp_path / "run", **QUIET)
    assert run.model.estimates == [] == simulacra.load(run.path).estimates
    whole = (run.path / "config.json").read_text()
    report = simulacra.evaluate(run, k=3, limit=9)
    simulacra.evaluate(run, k=3, limit=9)  # the same measurement: replaced
    simulacra.evaluate(run, k=5, limit=9)  # another
    found = simulacra.load(run.path).estimates
    bounds = [e for e in found if e["name"] == "likelihood"]
    assert [e["method"] for e in bounds] == ["IWAE bound, k=3", "IWAE bound, k=5"]
    assert bounds[0]["mean_nats"] == pytest.approx(report.likelihood.mean)
    assert bounds[0]["protocol"]["split"] == "test[:9]"
    assert run.model.estimates == found
    for form in FORMS:
        simulacra.load(run.path).save(tmp_path / form)
        assert simulacra.load(tmp_path / form).estimates == found
    # nothing else of the configuration has changed, and the run goes on as before
    config, before = read_json(run.path / "config.json"), json.loads(whole)
    assert {**config, "estimates": []} == before
    assert simulacra.resume(run.path, data=data).model.estimates == found


def test_scores_that_cannot_be_recorded_are_given_all_the_same(tmp_path, caplog):
    run = simulacra.fit(named("ppca").build(), real(3), out=tmp_path / "a", **QUIET)
    (run.path / "config.json").write_text("{")
    report = simulacra.evaluate(run, limit=9)
    assert report.likelihood is not None and "scores were not recorded" in caplog.text


def test_a_model_that_is_trained_again_has_no_scores(tmp_path):
    run = simulacra.fit(named("ppca").build(), real(3), out=tmp_path / "a", **QUIET)
    simulacra.evaluate(run, limit=9)
    assert run.model.estimates
    assert simulacra.fit(run.model, real(3), out=tmp_path / "b", **QUIET).model.estimates == []


def test_the_configuration_says_what_wrote_it(tmp_path):
    simulacra.PPCA(Real((3,)), latent=2).save(tmp_path / "m")
    simulacra.PPCA(Real((3,)), latent=2).save(tmp_path / "m.safetensors")
    config = read_json(tmp_path / "m" / "config.json")
    assert config["format"] == 1 and config["version"] == simulacra.__version__ and config["model"] == "PPCA"
    header = read_tensors(tmp_path / "m.safetensors")[1]
    assert len(header.pop("digest")) == 64 and header == config
    beside = read_tensors(tmp_path / "m" / "model.safetensors")[1]
    assert len(beside.pop("digest")) == 64 and beside == {"format": 1, "model": "PPCA"}
    # entries that came after the first version may be missing
    old = {key: value for key, value in config.items() if key not in ("version", "own", "estimates")}
    write_json(tmp_path / "m" / "config.json", old)
    assert simulacra.load(tmp_path / "m").estimates == []


def test_a_changed_bit_is_found(tmp_path):
    model = trained(named("vae"))
    path = tmp_path / "m.safetensors"
    model.save(path)
    content = bytearray(path.read_bytes())
    content[-101] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not those that were saved"):
        simulacra.load(path)
