"""Help and lists: what they say, how fast, and without torch."""

import os
import subprocess
import sys

import pytest
from cli_process import environment, finish

from simulacra import __version__
from simulacra.cli.app import COMMANDS
from simulacra.models.catalog import CATALOG

QUICK = (
    ["--help"],
    [],
    ["models"],
    ["data"],
    ["--version"],
    ["train", "--help"],
    ["trian"],
    ["models", "vaee"],
)


@pytest.mark.parametrize("words", QUICK, ids=" ".join)
def test_no_torch(words):
    code = f"import sys; from simulacra.cli import main; main({words}); sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment(), check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("word", ["--help", "models"])
def test_quick(word):
    """0.04 s where nothing else runs; CPU time stands still while others have the cores."""
    seconds = []
    for _ in range(3):
        began = spent_by_children()
        assert finish(word).returncode == 0
        seconds.append(spent_by_children() - began)
    assert min(seconds) < 1.0


def spent_by_children() -> float:
    """Seconds of CPU time of the processes that have ended; Windows does not count them."""
    times = os.times()
    return times.children_user + times.children_system


def test_help_names_every_command(cli):
    done = cli("--help")
    assert done.code == 0 and done.err == ""
    assert all(f"\n  {name} " in done.out for name in COMMANDS)
    assert cli().out == done.out == cli("help").out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(cli, name):
    done = cli(name, "--help")
    assert done.code == 0
    assert f"usage: simulacra {name}" in done.out
    assert cli("help", name).out == done.out


def test_version(cli):
    assert cli("--version").out == f"simulacra {__version__}\n"


def test_models(cli):
    done = cli("models")
    lines = done.out.splitlines()
    assert [line.split()[0] for line in lines[1 : 1 + len(CATALOG)]] == list(CATALOG)
    assert "Kingma and Welling 2013" in done.out and "variational" in done.out


@pytest.mark.parametrize("name", CATALOG)
def test_one_model_lists_its_options(cli, name):
    done = cli("models", name)
    assert done.code == 0
    assert "--model." in done.out
    for structural in ("space", "condition", "encoder", "decoder"):
        assert f"--model.{structural} " not in done.out


def test_options_of_the_parent_class_have_types_defaults_and_help(cli):
    done = cli("models", "vae")
    assert "--model.kl analytic  (analytic or monte-carlo)" in done.out
    assert "--model.hidden -  (whole numbers such as 256,128)" in done.out
    assert "layer sizes of the encoder" in done.out


def test_help_of_a_model_has_all_kinds_of_options(cli):
    done = cli("train", "vae", "--help")
    for option in (
        "--out",
        "--model.latent",
        "--model.dropout",
        "--data.binarize",
        "--epochs",
        "--batch_size",
    ):
        assert f"  {option} " in done.out, option
    assert "(a whole number; default 16)" in done.out
    assert "--model CONFIG" not in done.out


def test_data(cli, monkeypatch, tmp_path):
    monkeypatch.setenv("SIMULACRA_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    rows = {line.split()[0]: line.split()[1] for line in cli("data").out.splitlines()[1:]}
    assert rows["digits"] == "yes" and rows["ring"] == "yes" and rows["mnist"] == "no"


def test_a_pipe_of_few_letters(tmp_path):
    """As on Windows: what the pipe cannot say becomes a question mark."""
    (tmp_path / "größe 数").mkdir()
    done = finish("info", cwd=tmp_path / "größe 数", PYTHONIOENCODING="ascii")
    assert done.returncode == 0 and "gr??e ?" in done.stdout, done.stderr
