"""Each command that `compare` suggests is typed as it stands, and trains."""

import pytest
from suggested import commands_in

from simulacra.cli import main
from simulacra.evaluation.compare.entries import CompareEntry
from simulacra.evaluation.compare.remedies import mend
from simulacra.evaluation.report import Report
from simulacra.training.fit import load_run

BRIEF = ["--epochs", "0.02"]
RUNS = {
    "levels": ["made", "digits", "--model.hidden", "5", "--data.seed", "3"],
    "flow": [
        "real-nvp",
        "digits",
        "--model.hidden",
        "5",
        "--model.couplings",
        "2",
        "--data.dequantize",
        "uniform",
    ],
    "logit": ["ppca", "digits", "--data.dequantize", "logit", "--data.seed", "4"],
    "bits": ["vae", "digits", "--model.hidden", "5", "--data.binarize", "dynamic", "--data.seed", "5"],
}


@pytest.fixture(scope="module")
def entries(tmp_path_factory):
    """An entry for each run, with the protocol that `evaluate` would write."""
    root, made = tmp_path_factory.mktemp("runs"), {}
    for name, words in RUNS.items():
        assert main(["train", *words, *BRIEF, "--out", str(root / name)]) == 0
        run = load_run(root / name)
        made[name] = CompareEntry(name, None, Report("m", run.data.protocol("test")), root / name)
    return made


@pytest.mark.fault("outside 1.w2a.C")
@pytest.mark.parametrize(
    ("a", "b"),
    [("levels", "flow"), ("flow", "levels"), ("bits", "flow"), ("flow", "bits"), ("logit", "levels")],
)
def test_what_is_suggested_trains(entries, a, b, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = mend(entries[a], entries[b])
    assert said
    for words in commands_in(said):
        assert main([*words, *BRIEF, "--out", str(tmp_path / "again")]) == 0, said
        # and is scored as the other is
        protocol = load_run(tmp_path / "again").data.protocol("test")
        assert protocol == entries[a].protocol, said
