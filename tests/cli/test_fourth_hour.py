"""Stumbles of a newcomer's fourth hour: loose bounds, closed forms, names in pictures, early ends."""

import csv
import json
import logging
import math
import signal
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import simulacra
from simulacra.cli import main
from simulacra.core.scores.few_samples import FewSamples
from simulacra.core.size import size_of
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Binary, Real
from simulacra.core.storage.files import read_tensors
from simulacra.evaluation.diagnostics.dead_units import Layer
from simulacra.evaluation.doctor.advice import LARGER, setting_of
from simulacra.evaluation.doctor.checks.networks import dead
from simulacra.evaluation.doctor.checks.scores import importance
from simulacra.evaluation.doctor.checks.training import past_best
from simulacra.evaluation.likelihood.held_out import Likelihood, likelihood
from simulacra.evaluation.measures.history import History
from simulacra.evaluation.measures.measure import Evidence
from simulacra.evaluation.measures.registry import CODES, HISTORY, LAYERS, LIKELIHOOD
from simulacra.exploration.drawing.by_class import samples_of
from simulacra.exploration.drawing.marks import Bars
from simulacra.exploration.drawing.picture import Axis, Panel, grid
from simulacra.exploration.pictures.table_completion import completed_table
from simulacra.exploration.rendering.figure import render

pytestmark = pytest.mark.fault("doors 2.hour")


# ---- bounds of few importance samples


def narrow_vae():
    """A VAE whose decoder knows the code to a thousandth, and whose q(z|x) misses it."""
    model = simulacra.VAE(Real((3,)), latent=2, hidden=(4,), scale=1e-3)
    return model.eval()


def test_scores_say_how_many_importance_samples_count():
    x = torch.randn(20, 3)
    found = narrow_vae().log_prob(x, k=100)
    assert found.effective.shape == (20,) and float(found.effective.min()) < 2
    assert torch.all((found.effective >= 1) & (found.effective <= 100))
    assert simulacra.PPCA(Real((3,)), latent=1).log_prob(x).effective is None


def test_rows_of_few_samples_are_counted_over_chunks():
    counted = FewSamples(1000)
    for part in (torch.tensor([500.0, 9.0]), None, torch.tensor([math.nan, 1.5])):
        counted.add(part)
    assert (counted.rows, counted.few, counted.least) == (4, 2, 1.5)
    assert "2 of 4 rows rest on fewer than 10 effective of k=1,000 importance samples" in str(counted)
    few = FewSamples(4)
    few.add(torch.tensor([1.9, 2.1]))
    assert few.few == 1
    alone = FewSamples(1)
    alone.add(torch.ones(3))
    assert not alone.few


def test_the_score_of_a_file_says_it_once_and_in_a_column(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    narrow_vae().save("vae.safetensors")
    lines = ["x1,x2,x3", *(f"{i / 7:.3f},{i % 5 - 2},{i % 3}" for i in range(30))]
    (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
    np.save("rows.npy", np.loadtxt("rows.csv", delimiter=",", skiprows=1))
    assert main(["score", "vae.safetensors", "rows.npy", "--out", "scored.csv", "--k", "20"]) == 0
    said = capsys.readouterr()
    assert said.err.count("importance samples") == 1 and "30 rows rest on fewer than 10" in said.err
    assert "add --k 200" in said.err
    assert main(["score", "vae.safetensors", "rows.npy", "--out", "again.csv", "--k", "200"]) == 0
    with open("scored.csv", newline="") as file:
        numbers = [float(row["effective_samples"]) for row in csv.DictReader(file)]
    assert len(numbers) == 30 and min(numbers) < 2


def test_the_doctor_names_rows_of_few_samples_where_the_median_is_fine():
    def finding(effective):
        scores = simulacra.Estimate(torch.zeros(len(effective)), "lower", 3, "IWAE bound, k=1000")
        return importance(Evidence.of({LIKELIHOOD: Likelihood(scores, effective=effective, k=1000)}))

    many = torch.full((200,), 600.0)
    assert finding(many).severity == "ok" and "rows have" not in finding(many).sentence
    many[:4] = 1.25
    assert finding(many).severity == "note"
    assert "4 of 200 rows have fewer than 10 (the fewest 1.2)" in finding(many).sentence
    exact = torch.full((9,), math.nan)
    exact[:3] = 700.0
    # three rows are too few to tell, but none is of few samples
    assert finding(exact).severity == "unknown"


def test_a_bound_has_its_own_name():
    x = torch.ones(2, 4)
    found = simulacra.MeanFieldSBN(Binary((4,)), hidden=(2,)).log_prob(x)
    assert found.method == "mean-field bound of Saul et al." and found.kind == "lower"
    data = simulacra.from_tensors(torch.rand(30, 4).round(), Binary((4,)), test=0.5)
    assert "mean-field bound" in str(likelihood(simulacra.MeanFieldSBN(data.space, hidden=(2,)), data))
    assert simulacra.VAE(Binary((4,)), latent=2, hidden=(3,)).log_prob(x, k=1).method == "ELBO, k=1"


# ---- closed forms


def test_a_closed_form_is_not_said_to_have_no_parameters():
    model = simulacra.GaussianModel(Real((3,)))
    assert size_of(model) == "fitted in closed form" and "0 parameters" not in repr(model)
    assert size_of(simulacra.VAE(Real((3,)), latent=1, hidden=(2,))) == "36 parameters"


def test_a_closed_form_of_one_size_is_not_to_be_larger():
    ways = lambda model: setting_of(model, None).ways("more epochs", LARGER)[0]
    assert ways(simulacra.GaussianModel(Real((3,)))).startswith("a model of another family")
    assert ways(simulacra.PPCA(Real((3,)), latent=1)) == "a larger model"
    assert ways(simulacra.VAE(Real((3,)), latent=1)) == "more epochs or a larger model"


# ---- sentences and pictures


def test_a_score_that_ended_at_its_best_did_not_fall():
    def said(*scores):
        rows = [{"epoch": f"{e}", "valid_score": f"{s}"} for e, s in scores]
        return past_best(Evidence.of({HISTORY: History(tuple(rows))})).measured

    assert said((1.0, -9.0), (2.004, -8.5), (3.01, -8.0)) == "the validation score ended at its best (-8.00)"
    assert (
        said((1.0, -9.0), (20.04, -8.0), (30.1, -8.003)) == "the validation score ended at its best (-8.00)"
    )
    assert "fell by 0.50 nats since epoch 20, its best (-8.00)" in said((1, -9), (20.04, -8), (30.1, -8.5))


def test_dead_units_are_no_fault_where_the_others_are_enough_for_the_code():
    def finding(living, active):
        units = SimpleNamespace(count=active)
        found = {LAYERS: [Layer("decoder.body.3", 128 - living, 128)], CODES: SimpleNamespace(units=units)}
        return dead(Evidence.of(found))

    assert finding(40, 5).severity == "note" and "enough for the 5 active units" in finding(40, 5).sentence
    assert finding(39, 5).severity == "warning" and "--model.activation leaky-relu" in finding(39, 5).options
    assert finding(20, 0).severity == "warning"


def test_an_axis_has_its_unit():
    axes = render(grid([Panel((Bars(torch.ones(2).numpy()),), y=Axis("rate", "nats"))], 1, 3.0, 2.0)).axes[0]
    assert axes.get_ylabel() == "rate (nats)"


def test_a_long_name_is_not_cut_without_a_sign():
    names = ("chronic obstructive disease", "none")
    space = Table(diagnosis_at_the_first_admission_of_all=Categorical((), 2, names), age=Real())
    x = torch.tensor([[0.0, 1.0], [1.0, 2.0], [0.0, 3.0]])
    picture = completed_table(space, x, torch.ones(3, 2).bool(), x.expand(5, 3, 2), "title")
    (labels,) = (panel.x.labels for panel in picture.panels if panel.x.labels)
    assert labels == ("chronic obstruc\u2026", "none")
    figure = render(picture)
    figure.canvas.draw()
    first, second = (axes._left_title.get_window_extent() for axes in figure.axes[:2])
    assert first.x1 <= second.x0


@pytest.mark.parametrize("n", [2, 3, 50])
def test_drawn_images_of_a_class_stand_beside_its_name(n):
    names = ("cat", "dog", "owl")
    model = simulacra.VAE(Binary((1, 2, 2)), Categorical((), 3, names), latent=1, hidden=(2,))
    c = torch.arange(n) % 3
    x = c.view(-1, 1, 1, 1).expand(n, 1, 2, 2).float()
    picture = samples_of(model, x, c, "t")
    columns, rows = picture.layout.columns, picture.layout.row_names
    assert [name for name in rows if name] == list(names[:n])
    images, hidden = picture.panels[0].values, picture.panels[0].hidden
    there = ~hidden.all((1, 2))
    assert there.sum() == n
    of = [names.index(name) for name in _filled(rows) for _ in range(columns)]
    for k, value, seen in zip(of, images[:, 0, 0, 0], there):
        assert not seen or value == k
    assert samples_of(model, x[:1], 1, "t").title == "t, class dog"


def _filled(rows):
    for name in rows:
        last = name or last  # noqa: F821
        yield last


# ---- runs that end early


def stop(loop, epoch_ended, at=3):
    if loop.position.step == at:
        signal.raise_signal(signal.SIGINT)


def interrupted(out, caplog, at=3, **options):
    data = simulacra.load_data("ring")
    model = simulacra.VAE(data.space, latent=2, hidden=(9,))
    with caplog.at_level(logging.WARNING, "simulacra"), pytest.raises(KeyboardInterrupt):
        settings = {"out": out, "epochs": 3, "progress": False, **options}
        simulacra.fit(model, data, callbacks=(partial(stop, at=at),), **settings)
    return model


def test_an_interrupted_run_can_be_ended_as_it_is(tmp_path, monkeypatch, capsys, caplog):
    monkeypatch.chdir(tmp_path)
    model = interrupted("run", caplog)
    assert "or end it as it is with `simulacra train --resume run --finish`" in caplog.text
    assert main(["train", "--resume", "run", "--finish"]) == 0
    assert "ended early, after 3 steps" in capsys.readouterr().out
    again = simulacra.load("run")
    for name, value in model.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, rtol=0, atol=0)
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["ended"]["total_step"] == 3
    assert main(["train", "--resume", "run"]) == 0
    assert "finished already" in capsys.readouterr().out
    whole = simulacra.load_run("run")
    assert whole.config["seed_group"] == config["seed_group"]


def test_a_run_that_ends_early_keeps_the_best_weights_that_patience_has_kept(tmp_path, caplog):
    model = interrupted(tmp_path / "run", caplog, at=9, patience=3, batch_size=2000, lr=1.0)
    tensors, header = read_tensors(tmp_path / "run" / "checkpoint.safetensors")
    best = {name: value for name, value in tensors.items() if name.startswith("best/")}
    assert header["position"]["best_epoch"] >= 1 and best
    simulacra.resume(tmp_path / "run", finish=True)
    state = simulacra.load(tmp_path / "run").state_dict()
    for name, value in best.items():
        torch.testing.assert_close(state[name.removeprefix("best/")], value, rtol=0, atol=0)
    last = model.state_dict()
    assert any(not torch.equal(last[name.removeprefix("best/")], value) for name, value in best.items())


def test_a_run_that_ended_early_is_no_repetition_of_a_whole_one(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    interrupted("short", caplog)
    short = simulacra.resume("short", finish=True).config
    interrupted("long", caplog)
    assert simulacra.resume("long").config["seed_group"] != short["seed_group"]


def test_a_run_with_stages_ahead_cannot_end(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    data = simulacra.load_data("ring")
    model = simulacra.StackedAutoencoder(data.space, layers=(3, 2))
    with pytest.raises(KeyboardInterrupt):
        simulacra.fit(model, data, out="run", epochs=1, callbacks=(stop,), progress=False)
    with pytest.raises(ValueError, match=r"stages that have not begun .*: go on with `simulacra train --res"):
        simulacra.resume("run", finish=True)
    assert main(["train", "--resume", "run"]) == 0
    assert main(["train", "vae", "ring", "--finish"]) == 2
