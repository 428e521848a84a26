"""Samples of two numbers and the critic's field over training: what is kept, and its row of panels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import simulacra
from simulacra.core.storage.files import write_tensors
from simulacra.exploration.drawing.views import view_data
from simulacra.exploration.live.sample_history import (
    SIDE,
    History,
    Snapshot,
    lattice,
    read_history,
    window_of,
    write_history,
)
from simulacra.exploration.live.watch import SamplePictures
from simulacra.exploration.pictures.progression import chosen, framed, row_of
from simulacra.exploration.rendering.figure import render

pytestmark = pytest.mark.fault("doors 2.1")
SETTINGS = {"epochs": 4, "batch_size": 40, "progress": False}


def game(seed: int = 3):
    data = simulacra.load_data("ring", limit=200)
    torch.manual_seed(seed)
    return simulacra.GAN(data.space, latent=2, hidden=(8,)), data


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    model, data = game()
    before = model.sample(500, seed=0)
    folder = tmp_path_factory.mktemp("runs") / "game"
    return simulacra.fit(model, data, out=folder, callbacks=(SamplePictures(),), **SETTINGS), before


def test_samples_are_kept_from_before_the_first_step_to_the_last(trained):
    run, before = trained
    kept = read_history(run.path).snapshots
    steps = run.metrics[-1]["total_step"]
    assert [taken.step for taken in kept] == [0, *(round(steps * k / 4) for k in (1, 2, 3, 4))]
    torch.testing.assert_close(kept[0].x, before.double())
    torch.testing.assert_close(kept[-1].x, run.model.sample(500, seed=0).double())
    assert (run.path / "snapshots.png").is_file()


def test_the_kept_field_is_the_critics_number(trained):
    run, _ = trained
    kept = read_history(run.path)
    with torch.no_grad():
        scores = run.model.critic_score(lattice(kept.window).float()).reshape(SIDE, SIDE)
    torch.testing.assert_close(kept.snapshots[-1].field.float(), scores, rtol=1e-4, atol=1e-5)
    assert all(taken.field is not None for taken in kept.snapshots)


def test_the_picture_has_a_panel_for_each_the_modes_and_the_data(trained):
    run, _ = trained
    made = run.plot("snapshots")
    steps = [taken.step for taken in read_history(run.path).snapshots]
    titles = [axes.get_title(loc="left") for axes in made.figure.axes]
    assert titles == [*(f"step {step}" for step in steps), "data"]
    assert len({(axes.get_xlim(), axes.get_ylim()) for axes in made.figure.axes}) == 1
    crosses = [[c for c in axes.collections if c.get_label() == "modes"] for axes in made.figure.axes]
    np.testing.assert_allclose(crosses[0][0].get_offsets(), run.data.truth.modes.numpy(), atol=1e-6)
    assert [len(found) for found in crosses] == [1] * len(steps) + [0]


def test_pictures_of_epochs_have_one_window(trained):
    run, _ = trained
    assert len(list((run.path / "samples").glob("epoch-*.png"))) == 4
    picture = view_data(run.data.space, torch.zeros(3, 2))
    figure = render(framed(picture, read_history(run.path).window))
    row = run.plot("snapshots").figure.axes[0]
    assert figure.axes[0].get_xlim() == row.get_xlim() and figure.axes[0].get_ylim() == row.get_ylim()


def test_watching_changes_nothing_and_a_resume_goes_on(trained, tmp_path):
    run, _ = trained

    def stop(loop, ended):
        if ended and loop.position.epoch == 2:
            raise KeyboardInterrupt

    model, data = game()
    with pytest.raises(KeyboardInterrupt):
        simulacra.fit(model, data, out=tmp_path / "b", callbacks=(SamplePictures(), stop), **SETTINGS)
    again = simulacra.resume(tmp_path / "b", data=data, callbacks=(SamplePictures(),))
    for name, value in run.model.state_dict().items():
        torch.testing.assert_close(again.model.state_dict()[name], value, rtol=0, atol=0)
    for mine, theirs in zip(
        read_history(tmp_path / "b").snapshots, read_history(run.path).snapshots, strict=True
    ):
        assert mine.step == theirs.step and torch.equal(mine.x, theirs.x)


@pytest.mark.parametrize("name", ["VAE", "RNADE", "GaussianRBM", "WGAN"])
def test_every_model_of_two_numbers_has_them(name, tmp_path):
    data = simulacra.load_data("swiss-roll", limit=100)
    model = getattr(simulacra, name)(data.space)
    settings = {**SETTINGS, "epochs": 1}
    run = simulacra.fit(model, data, out=tmp_path / "run", callbacks=(SamplePictures(),), **settings)
    steps = [taken.step for taken in read_history(run.path).snapshots]
    assert len(steps) == 2 and steps[0] == 0
    assert len(run.plot("snapshots", data=data).figure.axes) == 3


def test_a_table_of_two_numbers_has_them_with_the_names_of_its_columns(tmp_path):
    rows = [{"height": 150.0 + k % 37, "weight": 50.0 + k % 23} for k in range(120)]
    data = simulacra.load_data(rows)
    model = simulacra.VAE(data.space, latent=1, hidden=(4,))
    settings = {**SETTINGS, "epochs": 1}
    run = simulacra.fit(model, data, out=tmp_path / "run", callbacks=(SamplePictures(),), **settings)
    axes = run.plot("snapshots", data=data).figure.axes
    assert axes[0].get_xlabel().startswith("height") and axes[0].get_ylabel() == "weight"
    low, high = window_of(data.train).tolist()
    assert low[0] < 150 and high[0] > 186 and low[1] < 50 and high[1] > 72


def test_what_lies_outside_of_the_window_is_counted():
    x = torch.tensor([[0.0, 0.0], [9.0, 0.0], [float("nan"), 0.0]], dtype=torch.float64)
    window = torch.tensor([[-1.0, -1.0], [1.0, 1.0]], dtype=torch.float64)
    axes = render(row_of(History(window, (Snapshot(0, x),)), "t")).axes[0]
    assert axes.get_xlabel() == "x1 (2 outside)" and len(axes.collections[0].get_offsets()) == 1


def test_a_row_has_the_first_and_the_last():
    window = torch.zeros(2, 2)
    history = History(window, tuple(Snapshot(k, window) for k in range(40)))
    assert [taken.step for taken in chosen(history)] == [0, 8, 16, 23, 31, 39]
    assert [taken.step for taken in history.plus(Snapshot(7, window)).snapshots] == list(range(8))


@pytest.mark.parametrize(
    "tensors",
    [
        {"window": torch.zeros(2, 2)},
        {"0/x": torch.zeros(3, 2, dtype=torch.float64)},
        {"window": torch.full((2, 2), torch.nan, dtype=torch.float64)},
        {"window": torch.zeros(2, 2, dtype=torch.float64), "-1/x": torch.zeros(3, 2, dtype=torch.float64)},
        {"window": torch.zeros(2, 2, dtype=torch.float64), "0/x": torch.zeros(3, 3, dtype=torch.float64)},
        {"window": torch.zeros(2, 2, dtype=torch.float64), "0/y": torch.zeros(3, 2, dtype=torch.float64)},
        {"window": torch.zeros(2, 2, dtype=torch.float64), "0/field": torch.zeros(3, 2, dtype=torch.float64)},
    ],
)
def test_a_damaged_file_is_named(tensors, tmp_path):
    (tmp_path / "snapshots").mkdir()
    write_tensors(tmp_path / "snapshots" / "history.safetensors", tensors, {})
    with pytest.raises(ValueError, match=r"history\.safetensors is damaged: .* remove the file\."):
        read_history(tmp_path)


def test_what_is_written_is_read(tmp_path):
    taken = Snapshot(0, torch.ones(3, 2, dtype=torch.float64))
    history = History(torch.eye(2, dtype=torch.float64), (taken,))
    write_history(history, tmp_path)
    again = read_history(tmp_path)
    assert torch.equal(again.window, history.window) and torch.equal(again.snapshots[0].x, taken.x)
    assert read_history(tmp_path / "nothing") is None
