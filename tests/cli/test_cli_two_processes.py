"""Every catalogued model from the command line on two processes: the weights are those of one.

The rows, the noise and the totals are the same; sums over rows are taken in another order. A pair is forked
where the whole catalogue is tried, which takes a second in place of ten. Some models get fresh processes.
"""

import multiprocessing.reduction
import os
import signal
import sys
import time
from functools import partial

import pytest
import torch
from cli_process import HANG, begin
from small_runs import IMAGES, train, write_data

from contract.representatives import quick
from simulacra.core.storage.files import read_tensors
from simulacra.models.catalog import CATALOG
from simulacra.training.hardware import launch
from simulacra.training.loop import Loop

pytestmark = [
    pytest.mark.fault("doors 1.1"),
    pytest.mark.skipif(sys.platform == "win32", reason="two processes take minutes to start there"),
]

TOLERANCE = 1e-6
REPRESENTED = ("vae", "gan")
# chains that are divided; batch normalization, whose sums are exchanged
FRESH = ("rbm", "dcgan")
# what matches means, or begins as the identity, has gradients near 0, by which Adam divides rounding: float64
# agrees to 1e-11
NEAR_ZERO = (
    "semi-supervised-gan",
    "gmmn-autoencoder",
    "deep-autoencoder",
    "masked-diffusion",
    "clean-gan",
    "r3gan",
    "next-frame-gan",
    "gan-cls",
    "stackgan",
)


@pytest.fixture
def forked(monkeypatch):
    """Pairs are forked, but each job goes through what carries it to a fresh process."""
    if sys.platform == "darwin":
        pytest.skip("the libraries of macOS do not survive a fork")
    work, pickler = launch._work, multiprocessing.reduction.ForkingPickler
    carried = lambda fabric, job, shared: work(fabric, pickler.loads(pickler.dumps(job)), shared)
    monkeypatch.setattr(launch, "_work", carried)
    monkeypatch.setattr(launch, "make_fabric", partial(launch.make_fabric, start_method="fork"))


@pytest.mark.parametrize("name", quick(CATALOG, REPRESENTED.__contains__))
def test_two_processes_train_every_model_as_one(name, cli, tmp_path, forked):
    if name in NEAR_ZERO:
        torch.set_default_dtype(torch.float64)
    assert_equal_on_two(name, cli, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", quick(FRESH, ().__contains__))
def test_two_fresh_processes_train_as_one(name, cli, tmp_path):
    assert_equal_on_two(name, cli, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("number", quick((signal.SIGINT, signal.SIGTERM), ().__contains__))
def test_a_signal_to_the_first_process_stops_all_of_them(number, cli, tmp_path):
    """A terminal interrupts all processes, `kill` the one that is named."""
    write_data(tmp_path)
    words = ["train", "vae", "bits.npz", *IMAGES, "--epochs", 100_000, "--batch_size", 16, "--devices", 2]
    process = begin(
        *words, "--samples_every", 1000, "--log_every", 1, "--validate", "false", "--out", "run", cwd=tmp_path
    )
    metrics = tmp_path / "run" / "metrics.csv"
    while process.poll() is None and not (metrics.exists() and metrics.read_text().count("\n") > 1):
        time.sleep(0.1)
    process.send_signal(number)
    _, err = process.communicate(timeout=HANG)
    assert process.returncode == 130, err
    assert "simulacra train --resume run" in err and "Traceback" not in err and "Terminating" not in err
    assert read_tensors(tmp_path / "run" / "checkpoint.safetensors")[1]["position"]["step"] > 0


def assert_equal_on_two(name, cli, tmp_path):
    """Weights and buffers of one process and of two agree."""
    write_data(tmp_path)
    data = train(cli, CATALOG[name], ("--seed", 3))
    (tmp_path / "run").rename(tmp_path / "one")
    assert train(cli, CATALOG[name], ("--seed", 3, "--devices", 2)) == data
    one, two = (read_tensors(tmp_path / run / "model.safetensors")[0] for run in ("one", "run"))
    assert one.keys() == two.keys()
    far = {key: distance(one[key], two[key]) for key in one if one[key].numel()}
    assert max(far.values()) <= TOLERANCE, {key: d for key, d in far.items() if not d <= TOLERANCE}


def distance(a, b):
    """Largest difference, relative to the size of the tensor where that exceeds 1."""
    # equal infinities, such as the ends of a column's range, have no difference
    apart = torch.where(a == b, 0.0, (a.double() - b.double()).abs())
    return float(apart.max() / a.double().nan_to_num(posinf=0, neginf=0).abs().max().clamp_min(1))


def test_a_process_that_is_killed_ends_the_run_in_a_sentence(cli, tmp_path, forked, monkeypatch):
    """It leaves no error of its own; the run goes on as the sentence says."""
    write_data(tmp_path)
    words = ["train", "vae", "bits.npz", *IMAGES, "--epochs", 3, "--batch_size", 16, "--out", "run"]
    with monkeypatch.context() as within:
        within.setattr(Loop, "_record", lambda loop, logged: loop.backend.rank and os.kill(os.getpid(), 9))
        done = cli(*words, "--devices", 2)
    assert done.code == 2 and "Traceback" not in done.err
    said = done.err.splitlines()[-1]
    assert said.startswith("simulacra: error: process 1 of the training was ended from outside (SIGKILL)")
    assert said.endswith("go on with `simulacra train --resume run`.")
    assert cli("train", "--resume", "run").code == 0


def test_what_couples_the_rows_is_refused_before_processes_start(cli, tmp_path, monkeypatch):
    """Micro-batches do not see each other: the sentence comes at once, and what it suggests works."""
    write_data(tmp_path)
    monkeypatch.setattr("simulacra.training.fit.launch", lambda job: pytest.fail("training began"))
    words = ["train", "gan", "bits.npz", *IMAGES, "--epochs", 1, "--batch_size", 16, "--out", "run"]
    done = cli(*words, "--devices", 2, "--accumulate", 2)
    assert done.code == 2 and not (tmp_path / "run").exists()
    assert done.err.splitlines()[-1] == (
        "simulacra: error: update 'D' cannot run on 2 processes with 2 micro-batches: layer 'G.body.1' "
        "normalizes over the rows of a batch; use accumulate=1."
    )


def test_centred_machines_take_micro_batches(cli, tmp_path):
    """Offsets follow the means of the whole batch, which is seen before it is divided."""
    write_data(tmp_path)
    train(cli, CATALOG["dbm"])
    (tmp_path / "run").rename(tmp_path / "one")
    train(cli, CATALOG["dbm"], ("--accumulate", 2))
    one, two = (read_tensors(tmp_path / run / "model.safetensors")[0] for run in ("one", "run"))
    assert max(distance(one[key], two[key]) for key in one if one[key].numel()) <= TOLERANCE
