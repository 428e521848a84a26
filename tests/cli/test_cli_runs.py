"""What is done with a run: sample, evaluate, explore, compare; and the demo, which does it all."""

import csv
import json
import re

import numpy as np
import pytest
from PIL import Image

from simulacra.training.run import load


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv"])
def test_samples_as_numbers(cli, trained, tmp_path, suffix):
    done = cli("sample", trained / "plain", "--n", 5, "--seed", 3, "--out", f"new/x{suffix}")
    assert done.code == 0, done.err
    path = tmp_path / "new" / f"x{suffix}"
    if suffix == ".csv":
        with path.open() as file:
            x = np.array(list(csv.reader(file))[1:], dtype=float)
    else:
        x = np.load(path) if suffix == ".npy" else np.load(path)["x"]
    wanted = load(trained / "plain").sample(5, seed=3).numpy()
    np.testing.assert_array_equal(x.reshape(5, -1), wanted.reshape(5, -1))


def test_samples_as_a_picture(cli, trained, tmp_path):
    done = cli("sample", trained / "plain", "--n", 4, "--out", "x.png")
    assert done.code == 0 and re.fullmatch(r"4 samples, seed \d+: x.png", str(done.out).strip())
    assert Image.open(tmp_path / "x.png").size[0] > 50
    drawn = [re.search(r"seed (\d+)", cli("sample", trained / "plain").out)[1] for _ in range(2)]
    assert drawn[0] != drawn[1]
    assert all((trained / "plain" / "samples" / f"seed-{seed}.png").is_file() for seed in drawn)


@pytest.mark.parametrize(
    ("n", "typed", "given"), [(3, "7", np.array(7)), (3, "1,2,3", [1, 2, 3]), (10, None, range(10))]
)
def test_samples_of_a_class(cli, trained, tmp_path, n, typed, given):
    wanted = load(trained / "given").sample(n, condition=given, seed=0).numpy()
    words = [] if typed is None else ["--condition", typed]
    assert cli("sample", trained / "given", "--n", n, *words, "--seed", 0, "--out", "x.npy").code == 0
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), wanted)


def test_evaluate_prints_and_writes_the_report(cli, trained):
    done = cli("evaluate", trained / "plain", "--k", 7, "--split", "valid", "--limit", 50, "--seed", 2)
    assert done.code == 0, done.err
    assert re.search(r"log p\(x\) >= -\d+\.\d+ \+- \d\.\d+ nats \(.*IWAE bound, k=7, digits valid", done.out)
    report = json.loads((trained / "plain" / "report.json").read_text())
    assert report["estimates"]["likelihood"]["examples"] == 50
    assert (trained / "plain" / "report.md").is_file()
    # the other tests compare test scores
    assert cli("evaluate", trained / "plain", "--k", 5).code == 0


def test_explore_lists_the_pictures(cli, trained, tmp_path):
    done = cli("explore", trained / "plain", "--out", "album")
    assert done.code == 0, done.err
    paths = [line.split()[-1] for line in done.out.splitlines()]
    assert {"album/samples.png", "album/latent_map.png", "album/private/reconstructions.png"} <= set(paths)
    assert all((tmp_path / path).is_file() for path in paths)


def test_compare(cli, trained):
    done = cli("compare", trained / "plain", trained / "other")
    assert done.code == 0, done.err
    assert "undecided" in done.out and "three seeds or more" in done.out


def test_compare_refuses_unequal_protocols(cli, trained, tmp_path):
    words = ["--data.binarize", "static", "--model.hidden", "24", "--epochs", "1", "--out", "static"]
    assert cli("train", "vae", "digits", *words).code == 0
    refused = cli("compare", trained / "plain", "static")
    assert refused.code == 2 and "simulacra evaluate static" in refused.err
    assert cli("evaluate", "static", "--k", "5").code == 0
    refused = cli("compare", trained / "plain", "static")
    assert refused.code == 2 and "binarization" in refused.err


@pytest.mark.slow
def test_demo(cli, tmp_path):
    done = cli("demo", "--epochs", 3, "--out", "first")
    assert done.code == 0, done.err
    line = r"log p\(x\) >= -\d+\.\d\d \+- 0\.\d\d nats \(0\.\d\d bits/dim; IWAE bound, k=1000, digits test, "
    assert re.search(line + r"dynamic binarization\)", done.out)
    assert "the doctor's findings:" in done.out and "simulacra sample first" in done.out
    for name in ("samples", "latent_map", "interpolations", "training_curves", "manifold"):
        assert f"first/{name}.png" in done.out and (tmp_path / "first" / f"{name}.png").is_file()
    for name in ("reconstructions", "neighbours"):
        assert f"first/private/{name}.png" in done.out


def test_a_resumed_finished_run_changes_nothing(cli, trained):
    before = (trained / "given" / "model.safetensors").read_bytes()
    done = cli("train", "--resume", trained / "given")
    assert done.code == 0, done.err
    assert (trained / "given" / "model.safetensors").read_bytes() == before
