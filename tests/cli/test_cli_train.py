"""`simulacra train`: options from signatures, folders, YAML both ways, pictures of samples."""

import numpy as np
import pytest
import yaml

from simulacra.core.storage.files import read_tensors
from simulacra.training.fit import load_run
from simulacra.training.run import load

TINY = ["--model.hidden", "24", "--model.latent", "2", "--data.binarize", "dynamic", "--epochs", "2"]


def weights(folder):
    """The trained tensors of a run."""
    return read_tensors(folder / "model.safetensors")[0]


def same(a, b):
    """Whether two sets of tensors are equal to the last bit."""
    return a.keys() == b.keys() and all(a[name].equal(b[name]) for name in a)


def test_a_run_has_its_files_and_says_where(cli, tmp_path):
    done = cli("train", "vae", "digits", *TINY)
    run = tmp_path / "runs" / "vae-digits-1"
    assert done.code == 0, done.err
    for name in ("config.json", "config.yaml", "model.safetensors", "metrics.csv", "checkpoint.safetensors"):
        assert (run / name).is_file(), name
    assert "1,437 train" in done.out and "dynamic binarization" in done.out
    assert "runs/vae-digits-1" in done.out and "validation score: -" in done.out
    assert sorted(p.name for p in (run / "samples").iterdir()) == ["epoch-0001.png", "epoch-0002.png"]
    assert load(run).arguments["hidden"] == (24,)
    assert cli("train", "vae", "digits", *TINY).code == 0
    assert (tmp_path / "runs" / "vae-digits-2").is_dir()


@pytest.mark.thorough
def test_dashes_underscores_and_options_before_words(cli, tmp_path):
    words = [
        "--batch-size=50",
        "--samples-every",
        "5",
        "--data.validation",
        "0.2",
        "gan",
        "ring",
        "--lr",
        "0.01",
    ]
    done = cli("train", *words, "--epochs", "10", "--out", "deep/er/run")
    assert done.code == 0, done.err
    run = load_run(tmp_path / "deep" / "er" / "run")
    assert run.config["options"]["batch_size"] == 50 and run.config["options"]["lr"] == 0.01
    assert len(list((run.path / "samples").iterdir())) == 2


def test_mixed_precision(cli, tmp_path):
    done = cli("train", "vae", "digits", *TINY, "--precision", "bf16", "--out", "run")
    assert done.code == 0, done.err
    assert all(t.dtype.itemsize == 4 for t in weights(tmp_path / "run").values())


def test_a_model_without_training_steps(cli):
    done = cli("train", "ppca", "linear-gaussian", "--out", "run")
    assert done.code == 0 and "validation" not in done.out


def test_lengths_of_stages(cli, tmp_path):
    words = [
        "--model.layers",
        "9,4",
        "--stages.layer-1.epochs",
        "3",
        "--stages.fine-tune.epochs=1",
        "--epochs",
        "2",
    ]
    done = cli("train", "stacked-autoencoder", "digits", *words, "--out", "run")
    assert done.code == 0, done.err
    rows = load_run(tmp_path / "run").metrics
    last = {row["stage"]: round(float(row["epoch"])) for row in rows}
    assert last == {"layer-1": 3, "layer-2": 2, "fine-tune": 1}


def test_labels_become_the_condition(cli, tmp_path):
    assert cli("train", "vae", "digits", *TINY, "--data.condition", "label", "--out", "run").code == 0
    assert load(tmp_path / "run").condition.classes == 10


def test_own_data_by_path(cli, tmp_path):
    x = np.random.default_rng(0).normal(size=(60, 3))
    np.savetxt(tmp_path / "own.csv", x, delimiter=",", header="a,b,c", comments="")
    refused = cli("train", "ppca", "own.csv", "--model.latent", "1")
    assert refused.code == 2 and "add --data.types real" in refused.err
    done = cli("train", "ppca", "own.csv", "--model.latent", "1", "--data.types", "real")
    assert done.code == 0, done.err
    config = yaml.safe_load((tmp_path / "runs" / "ppca-own-1" / "config.yaml").read_text())
    assert config["data"]["name"] == str(tmp_path / "own.csv")


def test_config_round_trip_gives_identical_weights(cli, tmp_path):
    assert cli("train", "vae", "digits", *TINY, "--seed", "3", "--lr", "3e-3", "--out", "first").code == 0
    again = cli("train", "--config", "first/config.yaml", "--out", "second")
    assert again.code == 0, again.err
    assert same(weights(tmp_path / "first"), weights(tmp_path / "second"))
    assert cli("train", "--config", "first/config.yaml", "--seed", "4", "--out", "third").code == 0
    assert not same(weights(tmp_path / "first"), weights(tmp_path / "third"))


def test_printed_config_is_the_one_that_is_written(cli, tmp_path):
    printed = cli("train", "vae", "digits", *TINY, "--print_config")
    assert printed.code == 0 and not (tmp_path / "runs").exists()
    (tmp_path / "run.yaml").write_text(printed.out)
    assert cli("train", "--config", "run.yaml", "--out", "run").code == 0
    assert (tmp_path / "run" / "config.yaml").read_text() == printed.out


def test_a_short_config_and_what_wins(cli, tmp_path):
    (tmp_path / "short.yaml").write_text(
        "model: {name: vae, hidden: [24], latent: 5}\ndata: digits\nepochs: 1\n"
    )
    printed = cli("train", "--config", "short.yaml", "--model.latent", "3", "--print-config")
    config = yaml.safe_load(printed.out)
    assert config["model"]["name"] == "vae" and config["model"]["hidden"] == [24]
    assert config["model"]["latent"] == 3 and config["epochs"] == 1 and config["data"]["name"] == "digits"
    other = yaml.safe_load(cli("train", "iwae", "ring", "--config", "short.yaml", "--print_config").out)
    assert (other["model"]["name"], other["data"]["name"], other["model"]["latent"]) == ("iwae", "ring", 5)


def test_stages_in_a_config(cli, tmp_path):
    text = "model: stacked-autoencoder\ndata: digits\nstages: {layer-1: {epochs: 2}, fine-tune: 1.5}\n"
    (tmp_path / "stages.yaml").write_text(text)
    printed = cli("train", "--config", "stages.yaml", "--stages.fine-tune.epochs", "3", "--print_config")
    assert yaml.safe_load(printed.out)["stages"] == {"layer-1": 2, "fine-tune": 3}


@pytest.mark.parametrize(
    ("given", "read"), [("256,128", [256, 128]), ("[7]", [7]), ("(5, 6)", [5, 6]), ("null", None)]
)
def test_sizes_are_read_as_people_write_them(cli, given, read):
    printed = cli("train", "vae", "digits", f"--model.hidden={given}", "--print_config")
    assert yaml.safe_load(printed.out)["model"]["hidden"] == read


def test_a_flag_needs_no_value(cli):
    printed = cli("train", "vae", "digits", "--data.grey", "--print_config")
    assert yaml.safe_load(printed.out)["data"]["grey"] is True
