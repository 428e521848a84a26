"""Every catalogued Boltzmann machine from the command line: train, sample, evaluate, explore."""

import json
import re

import numpy as np
import pytest
from PIL import Image
from small_runs import LABELS, train, write_data

from contract.representatives import quick
from simulacra.core.capabilities.general import Samples
from simulacra.exploration.pictures import filters
from simulacra.models.catalog import CATALOG

MACHINES = [name for name, entry in CATALOG.items() if entry.family == "boltzmann"]
# images and sequences; the other kinds of data are tried in the whole tier
REPRESENTED = ("rtrbm",)
BRIEFLY = ["--temperatures", 5, "--chains", 3, "--sweeps", 2, "--limit", 9]


@pytest.fixture
def files(tmp_path):
    """Striped binary images with labels, real vectors, and rolls of 14 keys."""
    return write_data(tmp_path)


@pytest.mark.parametrize("name", quick(MACHINES, REPRESENTED.__contains__))
def test_a_machine_from_training_to_pictures(cli, files, name, monkeypatch):
    monkeypatch.setattr(filters, "SWEEPS", (0, 1, 7))
    data = train(cli, CATALOG[name])
    if issubclass(CATALOG[name].load(), Samples):
        done = cli("sample", "run", "--n", 3, "--out", "x.npy")
        assert done.code == 0, done.err
        x = np.load(files / "x.npy")
        assert len(x) == 3 and (data in ("reals.npy", "walks") or set(np.unique(x)) <= {0, 1})

    done = cli("evaluate", "run", *BRIEFLY)
    assert done.code == 0, done.err
    row = next(line for line in done.out.splitlines() if line.startswith("likelihood"))
    scores = json.loads((files / "run" / "report.json").read_text())["estimates"]
    if "likelihood" in scores:
        assert "log p(x" in row and "nats" in row and np.isfinite(scores["likelihood"]["mean_nats"])
    else:
        assert "none" in row and "neither density nor bound" in row

    done = cli("explore", "run")
    assert done.code == 0, done.err
    drawn = dict(line.rsplit("  ", 1) for line in done.out.splitlines())
    assert drawn
    for path in drawn.values():
        with Image.open(files / path.strip()) as image:
            assert len(image.convert("L").getcolors()) > 1


@pytest.mark.parametrize(
    ("name", "more", "laws"),
    [("rbm", [*LABELS, "--model.hidden", 33], "2"), ("rnn-rbm", ["--model.hidden", 13], r"\d\d")],
)
def test_each_condition_and_frame_has_a_log_z_from_both_sides(cli, files, monkeypatch, name, more, laws):
    # 25 pixels are few enough for a sum
    monkeypatch.setattr("simulacra.models.boltzmann.machine.partition.EXACT", 9.0)
    data = "bits.npz" if name == "rbm" else "rolls.mat"
    words = ["--model.burn_in", 3, "--epochs", 1, "--batch_size", 16, "--out", "run"]
    assert cli("train", name, data, *more, *words).code == 0
    done = cli("evaluate", "run", *BRIEFLY)
    assert done.code == 0, done.err
    assert re.search(rf"log Z of {laws} laws, one for each (condition|frame)", done.out)
    assert re.search(rf"likelihood +log p\(x.*<= .* 3 chains of each of {laws} log Z", done.out)
    assert re.search(r"pessimistic +log p\(x.*~ .*reverse AIS", done.out)


BAD = [
    ("rbm reals.npy", "needs binary data, but the space is Real(shape=(3,)): take a Gaussian RBM."),
    ("rbm rolls.mat", "take an RNN-RBM, an RTRBM or an RNN-NADE for sequences of binary frames."),
    ("conv-rbm rolls.mat", "take an RNN-RBM, an RTRBM or an RNN-NADE for sequences of binary frames."),
    ("conv-rbm reals.npy", "take a Gaussian RBM for what has no places."),
    ("gaussian-rbm bits.npz --data.key x", "but the space is Binary(shape=(1, 5, 5)): take an RBM."),
    ("gaussian-rbm digits", "add --data.dequantize uniform to spread each level over its interval."),
    ("conv-dbm digits", "add --data.binarize dynamic, or add --data.dequantize uniform to keep the levels."),
    ("rtrbm reals.npy", "such as pieces of music, but the space is Real(shape=(3,)): take an RBM or a VAE."),
    (
        "conv-rbm bits.npz --data.key x --model.kernel 2 --model.pool 3",
        "pool may be 1, 2 or 4; with this pool",
    ),
    ("rbm bits.npz --data.key x --model.estimator exact --model.hidden 29", "2^25 states, about 11 minutes"),
    ("rbm bits.npz --data.key x --model.estimator exact --model.hidden 29", "take estimator='cd'"),
    ("rbm CLASSES --model.estimator pcd", "chains persist for one law"),
]


@pytest.mark.parametrize(("line", "said"), BAD, ids=[line for line, _ in BAD])
def test_what_a_machine_is_not_for(cli, files, line, said):
    words = [
        word for part in line.split() for word in (["bits.npz", *LABELS] if part == "CLASSES" else [part])
    ]
    done = cli("train", *words, "--out", "run")
    assert done.code == 2 and "Traceback" not in done.err
    assert done.err.splitlines()[-1].startswith("simulacra: error: ") and said in done.err
    assert not (files / "run").exists()


@pytest.mark.parametrize("name", ["chains", "temperatures", "sweeps"])
def test_annealing_needs_at_least(cli, files, name):
    done = cli("evaluate", "nowhere", f"--{name}", 0)
    assert done.code == 2 and done.err.startswith(f"simulacra: error: {name} is 0, but annealing needs at")
