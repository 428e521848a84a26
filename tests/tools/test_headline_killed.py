"""A long run that was stopped or killed goes on to the same figures, and a stop does not wait for long."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time

import pytest
from headline_queue import HANG, TRAINS, Toys

from headlines.meter import Meter, cpu_seconds
from simulacra.core.storage.files import read_tensors

windows = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals for a single process")


@windows
def test_a_stop_that_is_not_heard_ends_the_process(tmp_path, monkeypatch):
    """A computation that does not come to its signals is ended after the grace, with a last word."""
    ends, said = threading.Event(), []

    def end(code):
        said.append(code)
        ends.set()

    monkeypatch.setattr("headlines.meter.GRACE", 0.2)
    monkeypatch.setattr(os, "_exit", end)
    meter = Meter(tmp_path, 10, since=cpu_seconds())
    with meter.watching(lambda: said.append("last")), contextlib.suppress(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
    assert not said, "it was heard"
    with meter.watching(lambda: said.append("last")):
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(60)
        assert ends.wait(HANG)
    assert said == ["last", 130]


def wait_for(holds, process):
    """Wait until a process has come so far."""
    end = time.monotonic() + HANG
    while not holds():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "the run did not come so far"
        time.sleep(0.02)


def in_its_middle(toys, name):
    """True once a training has made steps that its checkpoint holds."""
    path = toys.cache / "one" / "work" / name / "checkpoint.safetensors"
    return path.is_file() and read_tensors(path)[1]["position"]["step"] > 0


@windows
@pytest.mark.thorough
def test_a_killed_run_goes_on_to_the_same_figures(tmp_path, toys):
    """One SIGTERM and one SIGKILL, each in the middle of a training; the other run nobody disturbs."""
    body = f"PASSES = (3, 25)\n{TRAINS}"
    whole = Toys(tmp_path / "whole")
    for place in (toys, whole):
        place.add("one", body)
    whole.run_here()

    process = toys.start()
    wait_for(lambda: in_its_middle(toys, "vae-1"), process)
    assert os.getpriority(os.PRIO_PROCESS, process.pid) == 19
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    out, err = process.communicate(timeout=HANG)
    assert process.returncode == 130 and "goes on from there" in out, err
    assert time.monotonic() - began < 60
    weights = toys.cache / "one" / "work" / "vae-1" / "model.safetensors"
    assert not weights.exists()

    finished = weights.parents[1] / "vae-0" / "model.safetensors"
    written = finished.stat().st_mtime_ns
    checkpoint = weights.with_name("checkpoint.safetensors")
    step = read_tensors(checkpoint)[1]["position"]["step"]
    process = toys.start()
    wait_for(lambda: read_tensors(checkpoint)[1]["position"]["step"] > step, process)
    process.kill()
    process.communicate(timeout=HANG)
    assert not weights.exists()

    process = toys.start()
    out, err = process.communicate(timeout=HANG)
    assert process.returncode == 0, err
    found, expected = toys.recorded("one"), whole.recorded("one")
    assert [r["ours"] for r in found["records"]] == [r["ours"] for r in expected["records"]]
    assert [r["verdict"] for r in found["records"]] == [r["verdict"] for r in expected["records"]]
    assert found["starts"] == 3 and expected["starts"] == 1
    assert not any(r["note"] for r in found["records"])
    assert finished.stat().st_mtime_ns == written, "a finished training is kept"
