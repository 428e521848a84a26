"""`simulacra doctor RUN`: a finding a line, warnings first, and those of the report where it is fresh."""

import json

import pytest


@pytest.fixture
def run(cli):
    """A VAE that has hardly begun."""
    words = ["--model.hidden", "9", "--model.latent", "3", "--epochs", "1", "--out", "run"]
    assert cli("train", "vae", "digits", "--data.binarize", "dynamic", *words).code == 0
    return "run"


def findings(text):
    """The lines that are findings."""
    return [line for line in text.splitlines() if line.startswith(("warning: ", "note: ", "ok: "))]


def test_findings_are_lines_with_warnings_first(cli, run):
    done = cli("doctor", run, "--limit", "70", "--k", "20")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    severities = [line.partition(":")[0] for line in lines]
    assert severities == sorted(severities, key=("warning", "note", "unknown", "ok").index)
    assert lines[0].startswith("warning: posterior collapse: KL to the prior ")
    assert lines[0].endswith("docs/doctor.md#posterior-collapse].")
    assert cli("doctor", run, "--limit", "70", "--k", "20").out == done.out


@pytest.mark.fault("scores 2.6")
def test_after_an_epoch_the_advice_is_to_train(cli, run):
    line = cli("doctor", run, "--limit", "70", "--k", "20").out.splitlines()[0]
    assert "try more epochs, since it was trained for 11 steps" in line and "kl_warmup" not in line


@pytest.mark.fault("scores 2.7")
def test_the_doctor_says_what_the_fresh_report_says(cli, run):
    evaluated = findings(cli("evaluate", run, "--k", "5", "--limit", "90", "--seed", "3").out)
    done = cli("doctor", run)
    assert done.code == 0 and findings(done.out) == evaluated and "run/report.json" in done.err
    # the same options, and some of them, are those of the report
    same = ("--k", "5", "--limit", "90", "--seed", "3")
    assert findings(cli("doctor", run, *same).out) == evaluated
    assert findings(cli("doctor", run, "--limit", "90").out) == evaluated
    # another option is another measurement
    other = cli("doctor", run, "--limit", "60", "--k", "5")
    assert other.code == 0 and "report.json" not in other.err and findings(other.out) != evaluated


@pytest.mark.thorough
def test_options_without_a_report_are_taken_by_both(cli, run):
    options = ("--k", "7", "--limit", "80", "--seed", "2")
    measured = findings(cli("doctor", run, *options).out)
    assert measured == findings(cli("evaluate", run, *options).out)


@pytest.mark.thorough
def test_a_report_that_no_longer_holds_is_not_read(cli, run, tmp_path):
    assert cli("evaluate", run, "--k", "5", "--limit", "90").code == 0
    assert (
        cli(
            "train",
            "vae",
            "digits",
            "--data.binarize",
            "dynamic",
            "--epochs",
            "1",
            "--seed",
            "9",
            "--model.hidden",
            "9",
            "--model.latent",
            "3",
            "--out",
            "other",
        ).code
        == 0
    )
    weights = tmp_path / "run" / "model.safetensors"
    weights.write_bytes((tmp_path / "other" / "model.safetensors").read_bytes())
    done = cli("doctor", run, "--limit", "90", "--k", "5")
    assert done.code == 0 and "report.json" not in done.err


@pytest.mark.fault("scores 2.7")
def test_a_report_keeps_its_options(cli, run, tmp_path):
    assert cli("evaluate", run, "--k", "5", "--limit", "90", "--tasks", "false").code == 0
    asked = json.loads((tmp_path / "run" / "report.json").read_text())["asked"]
    assert (
        asked["k"] == 5 and asked["limit"] == 90 and asked["tasks"] is False and asked["temperatures"] is None
    )


def test_what_was_wrong_is_said(cli, run):
    assert cli("doctor").code == 2
    done = cli("doctor", run, "--k", "0")
    assert done.code == 2 and "--k is 0" in done.err
    done = cli("doctor", "nowhere")
    assert done.code == 2 and "nowhere" in done.err and "Traceback" not in done.err
    assert "findings" in cli("doctor", "--help").out
