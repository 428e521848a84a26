"""`recipes` and `reproduce`: lists without torch, verdicts, records replaced or kept."""

import json
import subprocess
import sys

import pytest
from cli_process import environment

RECIPE = '''"""Half of what was promised.

command     python half.py     (DATA holds there/*.gz and gone/some.csv)
protocol    none
published   Somebody 1999: -3.5, and nothing else
ours        -3.4;
            a second
device      1 core
"""

from functools import partial

from simulacra.data.catalog import names
from simulacra.evaluation.compare.reproduction import Figure

half_figure = partial(Figure, source="Somebody 1999", unit="nats", protocol="halves", tolerance=0.1, wide=0.5)
FIGURES = (half_figure("first", -3.5), half_figure("second", None), half_figure("third", published=2))
FILE = "some.csv"


def reproduce(budget):
    share = 1.0 if budget.minutes is None else min(1.0, budget.minutes / 10)
    yield FIGURES[0].measured(-3.4 - 5 * (1 - share), 0.25, share=share)
    yield FIGURES[1].measured(64, protocol="thirds", note="one seed", share=share)
    names.locate(names.Entry("rows", "", folders=("gone",), files=((FILE,),), by_hand="ask somebody"))
'''


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a recipe, one that compares nothing, and data for half of it."""
    recipes = tmp_path / "recipes"
    recipes.mkdir()
    (recipes / "half.py").write_text(RECIPE, encoding="utf-8")
    (recipes / "silent_one.py").write_text('"""Nothing to compare."""\n', encoding="utf-8")
    (tmp_path / "data" / "there").mkdir(parents=True)
    (tmp_path / "data" / "there" / "x.gz").touch()
    monkeypatch.setenv("SIMULACRA_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return recipes


def records(folder):
    """What was recorded of the recipe, by figure."""
    file = folder / "results" / "half.json"
    return {entry["figure"]: entry for entry in json.loads(file.read_text(encoding="utf-8"))["records"]}


def test_the_list_names_figures_and_missing_data(cli, folder):
    done = cli("recipes", "--folder", folder)
    assert done.code == 0
    _, half, silent, *_ = done.out.splitlines()
    assert half.split("  ")[0] == "half" and "no gone/some.csv" in half and "-3.5, 2 " in half
    assert half.endswith("Half of what was promised")
    assert silent.split()[:3] == ["silent_one", "there", "none"]


def test_data_that_are_there(cli, folder):
    (folder.parent / "data" / "gone").mkdir()
    (folder.parent / "data" / "gone" / "some.csv").touch()
    assert cli("recipes", "--folder", folder).out.splitlines()[1].split()[1] == "there"
    assert cli("reproduce", "half", "--folder", folder).code == 0


def test_the_recipes_of_the_source_are_listed_without_torch():
    code = "import sys; from simulacra.cli import main; main(['recipes']); sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment(), check=False)
    assert done.returncode == 0, done.stderr
    assert b"\npca_mnist " in done.stdout


def test_without_the_source(cli, monkeypatch, tmp_path):
    monkeypatch.setattr("simulacra.cli.commands.recipes.SOURCE", tmp_path / "nowhere")
    done = cli("recipes")
    assert done.code == 2 and "come with the source" in done.err and "--folder" in done.err
    assert cli("recipes", "--folder", tmp_path).err.count(str(tmp_path)) == 1


def test_each_figure_is_said_with_its_verdict(cli, folder):
    done = cli("reproduce", "half", "--folder", folder)
    first, second = done.out.split("\n\n")[:2]
    assert first.splitlines()[0] == "first" and second.splitlines()[0] == "second"
    for line in (
        "  published  -3.5 nats (Somebody 1999)",
        "  ours       -3.4 +- 0.25 nats",
        "  protocol   halves",
        "  schedule   whole",
        "  verdict    reproduced",
    ):
        assert line in first.splitlines(), line
    for line in (
        "  published  none",
        "             ours: thirds",
        "  note       one seed",
        "  ours       64 nats",
    ):
        assert line in second.splitlines(), line
    assert "  verdict    recorded" in second
    # the third needs data that are missing
    assert done.code == 2 and "no gone/some.csv" in done.err and "ask somebody" in done.err


def test_records_are_replaced_by_as_much_of_the_schedule_and_kept_from_less(cli, folder):
    run = lambda budget: cli("reproduce", "half", "--folder", folder, "--budget", budget, "--record").out
    assert "recorded in" in run("5m")
    found = records(folder)
    assert found["first"]["verdict"] == "budget too small" and found["first"]["share"] == 0.5
    assert found["first"]["ours"] == pytest.approx(-5.9) and found["first"]["error"] == 0.25
    assert found["second"]["protocol"] == "thirds" and found["second"]["published_protocol"] == "halves"
    assert set(found["first"]) >= {"minutes", "device", "version", "date", "unit", "source", "note"}
    assert "core" in found["first"]["device"]

    said = run("60s")
    assert "not recorded" in said and "0.5" in said and "recorded in" not in said
    assert records(folder) == found

    assert "recorded in" in run("0.5h")
    assert records(folder)["first"]["verdict"] == "reproduced" and len(records(folder)) == 2


def test_a_page_beside_the_records_is_kept(cli, folder):
    file = folder / "results" / "half.json"
    file.parent.mkdir()
    file.write_text('{"format": 1, "page": "a table"}', encoding="utf-8")
    cli("reproduce", "half", "--folder", folder, "--record")
    assert json.loads(file.read_text(encoding="utf-8"))["page"] == "a table" and len(records(folder)) == 2


@pytest.mark.parametrize("budget", ["5", "20x", "-3m", "0s", "m", "1e3s"])
def test_a_budget_that_is_no_time(cli, folder, budget):
    done = cli("reproduce", "half", "--folder", folder, f"--budget={budget}")
    assert done.code == 2 and repr(budget) in done.err and "20m" in done.err


def test_names(cli, folder):
    done = cli("reproduce", "hallf", "--folder", folder)
    assert done.code == 2 and "did you mean 'half'?" in done.err
    done = cli("reproduce", "silent-one", "--folder", folder)
    assert done.code == 2 and "no figures to compare" in done.err and "silent_one.py" in done.err


def test_a_file_that_is_no_recipe(cli, folder):
    (folder / "broken.py").write_text("def (", encoding="utf-8")
    done = cli("recipes", "--folder", folder)
    assert done.code == 2 and "broken.py cannot be read as a recipe" in done.err
