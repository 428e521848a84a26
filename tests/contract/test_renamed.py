"""Old names work: in Python, YAML files, on the command line and in old runs, each with one sentence."""

from __future__ import annotations

import json
import warnings

import pytest

import simulacra
from contract.cases import real
from data.refusal import sentence_of
from simulacra.cli import main
from simulacra.core import renamed
from simulacra.core.renamed import OldName, Renamed
from simulacra.core.spaces.plain import Real

TABLE = (
    Renamed("LatentGaussian", "z_dim", "latent", "0.2", "0.4"),
    Renamed("Options", "learning_rate", "lr", "0.2", "0.4"),
    Renamed("load_data", "binarise", "binarize", "0.2", "0.4"),
    Renamed("models", "vaen", "vae", "0.2", "0.4"),
    Renamed("simulacra", "VariationalAutoencoder", "VAE", "0.2", "0.4"),
)
SAID = {
    entry.old: f"'{entry.old}' is called '{entry.new}' since version 0.2; the old name goes in 0.4."
    for entry in TABLE
}
TINY = ["--model.hidden", "5", "--data.limit", "50"]


@pytest.fixture(autouse=True)
def table(monkeypatch):
    monkeypatch.setattr(renamed, "RENAMED", TABLE)


def once(old: str, call):
    """The result of `call`, which warns of an old name, once, at the caller's own line."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = call()
    found = [w for w in caught if issubclass(w.category, OldName)]
    assert [str(w.message) for w in found] == [SAID[old]]
    assert issubclass(OldName, DeprecationWarning) and found[0].filename == __file__
    return result


def silent(call):
    """The result of `call`, which warns of no old name."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", OldName)
        return call()


def test_arguments_of_a_model():
    """Of a base class: every model that inherits the argument takes its old name."""
    model = once("z_dim", lambda: simulacra.IWAE(Real((2,)), z_dim=3, hidden=(5,)))
    assert model.arguments["latent"] == 3 and "z_dim" not in model.arguments
    silent(lambda: simulacra.VAE(Real((2,)), latent=3, hidden=(5,)))
    with pytest.raises(TypeError):
        simulacra.PPCA(Real((2,)), z_dim=1)  # another's name
    sentence_of(lambda: simulacra.VAE(Real((2,)), z_dim=3, latent=3), "'z_dim'", "its old name")


def test_options_of_training_and_data(tmp_path):
    assert once("learning_rate", lambda: simulacra.Options(learning_rate=0.25)).lr == 0.25
    data = once("binarise", lambda: simulacra.load_data("digits", binarise="dynamic", limit=50))
    assert data.space == simulacra.Binary((1, 8, 8)) and data.spec["binarize"] == "dynamic"
    sentence_of(lambda: simulacra.Options(learning_rate=0.1, lr=0.1), "'learning_rate'")
    fit = lambda **more: simulacra.fit(
        simulacra.PPCA(Real((3,)), latent=1), real(3), out=tmp_path, progress=False, **more
    )
    once("learning_rate", lambda: fit(learning_rate=0.1))
    assert json.loads((tmp_path / "config.json").read_text())["options"]["lr"] == 0.1


def test_public_names():
    assert once("VariationalAutoencoder", lambda: simulacra.VariationalAutoencoder) is simulacra.VAE
    with pytest.raises(AttributeError, match="has no attribute 'Nonesuch'"):
        simulacra.Nonesuch  # noqa: B018


@pytest.fixture
def told(capsys, tmp_path, monkeypatch):
    """`told("train", ...)` runs a command; the old names that it spoke of, each as often as it did."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> list[str]:
        assert main([*words]) == 0
        lines = capsys.readouterr().err.splitlines()
        return sorted(line for line in lines if "is called" in line)

    return run


def lines(*old: str) -> list[str]:
    """What a command says of old names."""
    return sorted(f"simulacra: warning: {SAID[name]}" for name in old)


def test_the_command_line(told, tmp_path):
    words = ["--model.z-dim", "3", "--learning_rate", "0.01", "--data.binarise=dynamic", *TINY]
    found = told("train", "vaen", "digits", *words, "--epochs", "1", "--out", "run")
    assert found == lines("vaen", "z_dim", "learning_rate", "binarise")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["model"] == "VAE" and config["arguments"]["latent"] == 3 and config["options"]["lr"] == 0.01
    # what is written holds today's names: it is read without a word
    again = ["--config", "run/config.yaml", "--out", "again"]
    assert told("train", *again) == [] and told("models", "vae") == []


def test_yaml(told, tmp_path):
    (tmp_path / "old.yaml").write_text(
        "model: {name: vaen, z_dim: 3}\ndata: {name: digits, binarise: dynamic}\nlearning_rate: 0.01\n"
    )
    found = told("train", "--config", "old.yaml", "--epochs", "1", "--out", "run", *TINY)
    assert found == lines("vaen", "z_dim", "learning_rate", "binarise")
    assert simulacra.load(tmp_path / "run").arguments["latent"] == 3


def test_old_runs(told, tmp_path):
    """Nobody can change a file that is there: it is read without a word, for ever."""
    words = ["--data.binarize", "dynamic", "--model.latent", "3", "--epochs", "1", *TINY]
    told("train", "vae", "digits", *words, "--out", "run")
    path = tmp_path / "run" / "config.json"
    config = json.loads(path.read_text())
    config["arguments"]["z_dim"] = config["arguments"].pop("latent")
    config["options"]["learning_rate"] = config["options"].pop("lr")
    config["data"]["spec"]["binarise"] = config["data"]["spec"].pop("binarize")
    config["model"] = "VariationalAutoencoder"
    (tmp_path / "run" / "model.safetensors").rename(tmp_path / "w")
    path.write_text(json.dumps(config))
    sentence_of(lambda: simulacra.load(tmp_path / "run"), "has not finished")
    run = silent(lambda: simulacra.resume(tmp_path / "run"))
    assert type(run.model) is simulacra.VAE and run.model.arguments["latent"] == 3
    assert silent(lambda: simulacra.load_run(tmp_path / "run")).data.preprocessing == run.model.preprocessing


def test_an_artifact_whose_class_was_renamed(tmp_path):
    """Header and configuration hold the old name alike."""
    simulacra.VAE(Real((2,)), latent=3, hidden=(5,)).save(tmp_path / "m")
    for name in ("config.json", "model.safetensors"):
        content = (tmp_path / "m" / name).read_bytes()
        if name == "config.json":
            content = content.replace(b'"VAE"', b'"Old"')
        else:
            content = content.replace(rb"\"VAE\"", rb"\"Old\"")
        (tmp_path / "m" / name).write_bytes(content)
    sentence_of(lambda: simulacra.load(tmp_path / "m"), "'Old'")
    renamed.RENAMED = (*TABLE, Renamed("simulacra", "Old", "VAE", "0.2", "0.4"))
    assert type(silent(lambda: simulacra.load(tmp_path / "m"))) is simulacra.VAE


@pytest.mark.parametrize("version", ["0.4", "0.4.0", "0.10.2", "1.0.0rc1"])
def test_old_names_go_except_in_saved_runs(version, monkeypatch):
    monkeypatch.setattr(renamed, "__version__", version)
    with pytest.raises(TypeError):
        simulacra.Options(learning_rate=0.1)
    with pytest.raises(AttributeError):
        simulacra.VariationalAutoencoder  # noqa: B018
    assert renamed.renamed_arguments(["Options"], {"learning_rate": 0.1}, quiet=True) == {"lr": 0.1}


def test_signatures_are_those_of_today():
    import inspect

    assert "binarize" in inspect.signature(simulacra.load_data).parameters
    assert "lr" in inspect.signature(simulacra.Options).parameters
