"""Commands in this process, in a folder of their own."""

from dataclasses import dataclass

import pytest

from simulacra.cli import main

GIVEN = ["--data.condition", "label"]


@dataclass
class Done:
    """What a command left."""

    code: int
    out: str
    err: str


@pytest.fixture
def cli(tmp_path, monkeypatch, capsys):
    """`cli("train", ...)` runs in an empty folder and gives code, output and errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SIMULACRA_DEBUG", raising=False)

    def run(*words):
        code = main([str(word) for word in words])
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Folders of small evaluated runs: VAEs on binarized digits, one of them given the class."""
    root = tmp_path_factory.mktemp("runs")
    tiny = ["--data.binarize", "dynamic", "--model.latent", "2", "--model.hidden", "24", "--epochs", "2"]
    for name, more in (("plain", []), ("other", ["--seed", "1"]), ("given", GIVEN)):
        assert main(["train", "vae", "digits", *tiny, *more, "--out", str(root / name)]) == 0
        assert main(["evaluate", str(root / name), "--k", "5"]) == 0
    return root
