"""`simulacra doctor RUN`: a finding a line, warnings first, and no error for being ill."""

import pytest


@pytest.fixture
def run(cli):
    """A VAE that has hardly begun."""
    words = ["--model.hidden", "9", "--model.latent", "3", "--epochs", "1", "--out", "run"]
    assert cli("train", "vae", "digits", "--data.binarize", "dynamic", *words).code == 0
    return "run"


def test_findings_are_lines_with_warnings_first(cli, run):
    done = cli("doctor", run, "--limit", "70", "--k", "20")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    severities = [line.partition(":")[0] for line in lines]
    assert severities == sorted(severities, key=("warning", "note", "ok").index)
    assert lines[0].startswith("warning: posterior collapse: KL to the prior ")
    assert "kl_warmup" in lines[0] and lines[0].endswith("docs/doctor.md#posterior-collapse].")
    assert cli("doctor", run, "--limit", "70", "--k", "20").out == done.out


def test_what_was_wrong_is_said(cli, run):
    assert cli("doctor").code == 2
    done = cli("doctor", run, "--k", "0")
    assert done.code == 2 and "--k is 0" in done.err
    done = cli("doctor", "nowhere")
    assert done.code == 2 and "nowhere" in done.err and "Traceback" not in done.err
    assert "findings" in cli("doctor", "--help").out
