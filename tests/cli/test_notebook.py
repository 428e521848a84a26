"""The notebook of the docs runs from its first cell to its last, and shows what it says.

Where IPython is not installed, its cells run as it would run them: the last expression is shown by the
richest of `_repr_html_`, `_repr_png_` and `repr`.
"""

from __future__ import annotations

import ast
import builtins
import json
from pathlib import Path
from typing import Any

import pytest
import torch

import simulacra
from contract.representatives import quick
from simulacra.core.spaces.plain import Real

NOTEBOOK = Path(__file__).parents[2] / "docs" / "first_hour.ipynb"
pytestmark = pytest.mark.fault("doors 2.4")


def shown(cell: str, names: dict[str, Any]) -> Any:
    """The value of a cell's last expression, or None."""
    tree = ast.parse(cell)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return None if last is None else eval(compile(ast.Expression(last.value), "cell", "eval"), names)


def html(value: Any) -> str:
    return value._repr_html_()


@pytest.mark.slow
def test_the_notebook_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(builtins, "get_ipython", lambda: None, raising=False)
    book = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "code"]
    names: dict[str, Any] = {}
    values = [shown(cell, names) for cell in cells]
    for name in ("data", "model", "run", "report"):
        assert len(repr(names[name])) < 300, name
        page = html(names[name])
        assert page.startswith("<div>") and "data:image/png;base64" in page, name
    pictures = [value for value in values if isinstance(value, simulacra.exploration.plot.Plot)]
    assert [picture.name for picture in pictures] == ["samples", "latent_map", "completions"]
    assert all(picture._repr_png_().startswith(b"\x89PNG") for picture in pictures)
    # the bar, with the time that has gone and the time that is left
    assert "train: 100%" in (bar := capsys.readouterr().err) and "<00:00" in bar


def test_outside_of_notebooks_and_terminals_no_bar_is_drawn(tmp_path, capsys):
    data = simulacra.load_data("ring", limit=50)
    simulacra.fit(simulacra.VAE(data.space, latent=1, hidden=(4,)), data, epochs=1, out=tmp_path / "run")
    assert "%" not in capsys.readouterr().err


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Any:
    data = simulacra.load_data("ring", limit=60)
    model = simulacra.VAE(data.space, latent=1, hidden=(4,))
    return simulacra.fit(model, data, epochs=2, out=tmp_path_factory.mktemp("run") / "vae", doctor=False)


def test_metrics_are_numbers(run):
    rows = run.metrics
    assert {type(value) for row in rows for name, value in row.items() if name != "stage"} <= {int, float}
    assert [row["total_step"] for row in rows if "valid_score" in row] == [1, 2]
    assert {row["stage"] for row in rows} == {"train"}


def test_evaluate_keeps_its_report_unless_told_not_to(run):
    simulacra.evaluate(run, k=3, keep=False)
    assert not (run.path / "report.json").exists()
    simulacra.evaluate(run, k=3)
    assert json.loads((run.path / "report.json").read_text())["model"] == "VAE"
    assert simulacra.compare(run, str(run.path)).rankings


def test_a_report_that_cannot_be_kept_is_returned(run, caplog, monkeypatch):
    def full(*_: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(type(simulacra.evaluate(run, k=3)), "write", full)
    assert simulacra.evaluate(run, k=3).likelihood is not None
    assert "were not kept with the run: no space left on device" in caplog.text


def test_a_picture_that_is_not_allowed_is_answered_with_those_that_are(run):
    with pytest.raises(ValueError, match="can be drawn as samples, samples_and_data, latent_map"):
        run.plot("reconstructions")
    with pytest.raises(ValueError, match="has no data of its own: give them"):
        simulacra.plot(run.model)
    made = run.plot("training-curves")
    assert made.save(run.path / "curves.png").read_bytes() == made.png


@pytest.mark.parametrize("name", quick(("made", "ppca", "gan", "rbm"), ("ppca",).__contains__))
def test_reprs_are_short_and_safe(name):
    digits = simulacra.load_data("digits", binarize="threshold", limit=20)
    real = simulacra.from_tensors(torch.randn(30, 4), Real((4,)), name="<b>bold</b>")
    models = {
        "made": lambda: simulacra.MADE(digits.space, hidden=(8,)),
        "ppca": lambda: simulacra.PPCA(real.space, latent=1),
        "gan": lambda: simulacra.GAN(real.space, latent=2),
        "rbm": lambda: simulacra.RBM(digits.space, hidden=5),
    }
    model = models[name]()
    size = "fitted in closed form>" if name == "ppca" else "parameters>"
    assert len(repr(model)) < 200 and type(model).__name__ in repr(model) and repr(model).endswith(size)
    # a model that draws entry by entry is described, not drawn
    assert ("data:image/png" in html(model)) is (name != "made")
    assert "<b>" not in html(real) and "&lt;b&gt;bold" in html(real)
    assert len(repr(real)) < 200 and len(repr(real.train)) < 200
