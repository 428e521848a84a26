"""Killed or interrupted in the middle, a run goes on to the same bits."""

import random
import signal
import sys
import time

import pytest
from cli_process import HANG, begin, finish

from simulacra.core.storage.files import read_tensors

TRAIN = [
    *(
        "train",
        "vae",
        "digits",
        "--model.hidden",
        "32",
        "--model.dropout",
        "0.2",
        "--data.binarize",
        "dynamic",
    ),
    *("--epochs", "200", "--ema", "0.99", "--checkpoint_seconds", "0.1", "--samples_every", "1000"),
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The weights of a run that nobody disturbed."""
    root = tmp_path_factory.mktemp("whole")
    done = finish(*TRAIN, "--out", "run", cwd=root)
    assert done.returncode == 0, done.stderr
    return read_tensors(root / "run" / "model.safetensors")[0]


def wait_for(path, process, seconds=HANG):
    """Wait until training has begun."""
    end = time.monotonic() + seconds
    while not path.is_file():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, f"{path} never came"
        time.sleep(0.02)


def equal(a, b):
    """Whether two sets of tensors have the same bits."""
    return a.keys() == b.keys() and all(a[name].equal(b[name]) for name in a)


@pytest.mark.thorough
@pytest.mark.slow
def test_killed_at_a_random_moment(whole, tmp_path):
    process = begin(*TRAIN, "--out", "run", cwd=tmp_path)
    wait_for(tmp_path / "run" / "checkpoint.safetensors", process)
    time.sleep(random.random())
    process.kill()
    process.communicate(timeout=HANG)
    assert not (tmp_path / "run" / "model.safetensors").exists()
    done = finish("train", "--resume", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert equal(read_tensors(tmp_path / "run" / "model.safetensors")[0], whole)


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no Ctrl-C for a single process")
def test_interrupted_while_another_process_asks_for_the_folder(whole, tmp_path, cli):
    process = begin(*TRAIN, "--out", "run", cwd=tmp_path)
    wait_for(tmp_path / "run" / "checkpoint.safetensors", process)
    second = cli("train", "--resume", "run")
    assert second.code == 2 and "another process is training in run" in second.err
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=HANG)
    assert process.returncode == 130, err
    assert "simulacra train --resume run" in err and "Traceback" not in err
    unfinished = cli("sample", "run")
    assert unfinished.code == 2 and "simulacra train --resume run" in unfinished.err
    assert cli("train", "--resume", "run").code == 0
    assert equal(read_tensors(tmp_path / "run" / "model.safetensors")[0], whole)
