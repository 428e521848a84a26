"""`simulacra compare`: tables and files, refusals with their exit code, and sentences."""

import json
import shutil

import pytest

from simulacra.cli import main


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder of two evaluated runs on the ring, and of one on another ring."""
    root = tmp_path_factory.mktemp("compared")
    ppca = ("ppca", "--model.latent", "1")
    models = {"ppca": ppca, "vae": ("vae", "--epochs", "0.1"), "other": (*ppca, "--data.seed", "3")}
    for name, (model, *options) in models.items():
        assert main(["train", model, "ring", *options, "--out", str(root / name)]) == 0
        assert main(["evaluate", str(root / name), "--k", "2", "--limit", "200"]) == 0
    return root


@pytest.fixture
def runs(cli, made, tmp_path):
    """These runs in the folder of the commands."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)


def test_tables_are_printed_and_written(cli, runs, tmp_path):
    done = cli("compare", "ppca", "vae", "--out", "page.html")
    assert done.code == 0, done.err
    assert "likelihood on ring test[200 of 1,000, seed 0]" in done.out and "written: page.html" in done.out
    page = (tmp_path / "page.html").read_text()
    # training step by step leaves pictures of samples
    assert page.count("data:image/png;base64,") == 1 and "<h2>Samples</h2>" in page
    assert cli("compare", "ppca", "vae", "--out", "page.md").code == 0
    assert "| model | log p(x) in nats |" in (tmp_path / "page.md").read_text()
    assert cli("compare", "ppca", "vae", "--out", "page.json").code == 0
    assert json.loads((tmp_path / "page.json").read_text())["rankings"][0]["pairs"]


def test_a_mixture_of_protocols_is_refused_and_explained(cli, runs):
    done = cli("compare", "ppca", "vae", "other")
    assert done.code == 2
    assert "refused:" in done.out and "protocols differ in data" in done.out
    # the command of the mend makes them comparable
    mend = "train ppca ring --config other/config.yaml --data.seed 0"
    assert f"`simulacra {mend}`" in done.out
    assert cli(*mend.split(), "--out", "mended").code == 0
    assert cli("evaluate", "mended", "--limit", 200).code == 0
    assert cli("compare", "ppca", "vae", "mended").code == 0
    # what can be compared is
    assert "likelihood on ring test[200 of 1,000, seed 0]" in done.out
    alone = cli("compare", "ppca", "other")
    assert alone.code == 2 and len(alone.err.strip().splitlines()) == 1 and "protocols differ" in alone.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ppca"], "at least two"),
        ([], "at least two"),
        (["ppca", "vae", "--out", "page.pdf"], "must end in .html, .md, .json"),
        (["ppca", "nowhere"], "no folder of a run"),
    ],
)
def test_bad_input_gets_a_sentence(cli, runs, words, said):
    done = cli("compare", *words)
    assert done.code == 2 and said in done.err and len(done.err.strip().splitlines()) == 1
