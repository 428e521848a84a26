"""What goes wrong in training stops it with one sentence and loses nothing."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable

import pytest
import torch
from safetensors import SafetensorError
from torch import nn

import simulacra
from contract.cases import Case, named, real
from contract.harness import NAME, differing, in_child, options_of, position, state, train
from simulacra.core.batch import Batch, Terms
from simulacra.core.model import Model
from simulacra.core.optimizers import SGD
from simulacra.core.random.keyed import Rng
from simulacra.core.storage import files
from simulacra.core.storage.files import read_tensors
from simulacra.core.updates import Stage, Steps, Update
from simulacra.training.steps.optimizer_steps import TrainingFailed


class Failing(Model):
    """Mean of the data by gradient descent, until something happens at step 5 of stage `second`."""

    def __init__(self, space, poison: str = "loss"):
        super().__init__(space)
        self.poison = poison
        self.mean = nn.Parameter(torch.zeros(space.dims))
        self.register_buffer("seen", torch.tensor(0))
        self.register_buffer("mask", torch.tensor([0.0, -torch.inf]))

    def stage(self, i: int, past: list) -> Stage | None:
        """Two stages of eight steps."""
        update = Update("descend", ("",), squares, after=poison, optimizer=SGD(lr=0.1))
        return Stage(("first", "second")[i], [update], Steps(8)) if i < 2 else None


def squares(model: Failing, batch: Batch, rng: Rng) -> Terms:
    """|x - m|^2, and a term that turns into a NaN."""
    error = (batch.x - model.mean).square().sum(1)
    bad = model.poison == "loss" and int(model.seen) == 13
    return Terms({"error": error, "odd": error * (torch.nan if bad else 0.0)})


def poison(model: Failing, terms, progress: float) -> None:
    """A weight or a buffer is spoilt while the loss is still finite."""
    model.seen += 1
    if int(model.seen) == 13 and model.poison in ("nan", "inf"):
        model.mean[0] = float(model.poison)
    if int(model.seen) == 13 and model.poison == "buffer":
        model.mask[0] = torch.nan


def failing(how: str) -> Case:
    """The case that fails so."""
    return Case(f"failing-{how}", Failing, lambda: real(3), {"poison": how})


def intact(folder, steps: int) -> None:
    """The checkpoint stands at `steps` steps, can be read and is finite; nothing half-written lies about."""
    assert position(folder)["total_steps"] == steps
    tensors, _ = read_tensors(folder / NAME)
    assert all(t.isfinite().all() for name, t in tensors.items() if "mask" not in name)
    assert not [p.name for p in folder.iterdir() if "part" in p.name]


# ---- numbers that are none


@pytest.mark.parametrize("seconds, kept", [(0.0, 13), (1e9, 8)], ids=["often", "rarely"])
def test_a_loss_that_is_not_finite_stops_training(seconds, kept, tmp_path):
    with pytest.raises(TrainingFailed) as error:
        train(failing("loss"), tmp_path, checkpoint_seconds=seconds)
    said = str(error.value)
    assert "'odd'" in said and "'descend'" in said and "step 5 of stage 'second'" in said
    assert str(tmp_path) in said
    intact(tmp_path, kept)


@pytest.mark.parametrize("how", ["nan", "inf", "buffer"])
def test_a_poisoned_state_never_replaces_a_good_checkpoint(how, tmp_path):
    with pytest.raises(TrainingFailed, match="'mask'" if how == "buffer" else "'mean'"):
        train(failing(how), tmp_path, checkpoint_seconds=0.0)
    intact(tmp_path, 12)


def test_a_poisoned_last_step_is_noticed(tmp_path):
    """The run ends on the bad step: no further loss would tell."""
    case = failing("nan")
    with pytest.raises(TrainingFailed, match="'mean' is not finite"):
        train(case, tmp_path, checkpoint_seconds=1e9, stages={"second": 5 * 17 / 105})
    intact(tmp_path, 8)


def test_an_infinite_buffer_is_no_failure(tmp_path):
    train(failing("nothing"), tmp_path, checkpoint_seconds=0.0)
    assert position(tmp_path)["finished"]


def test_huge_steps_are_named(tmp_path):
    with pytest.raises(TrainingFailed, match="lower lr or clip=1"):
        train(named("vae/real"), tmp_path, lr=1e30)


# ---- a disk that is full


def full(after: int) -> Callable:
    """A stand-in for a function that writes: from the `after`-th call on the disk is full."""
    calls = []

    def write(original):
        def wrapped(*arguments, **more):
            calls.append(1)
            if len(calls) > after:
                raise OSError(errno.ENOSPC, "No space left on device")
            return original(*arguments, **more)

        return wrapped

    return write


@pytest.mark.parametrize("name", ["fsync", "replace"])
def test_a_full_disk_keeps_the_last_checkpoint(name, tmp_path, monkeypatch):
    monkeypatch.setattr(files.os, name, full(6)(getattr(os, name)))
    with pytest.raises(ValueError, match=r"could not be written .*No space left") as error:
        train(named("vae"), tmp_path, checkpoint_seconds=0.0)
    assert NAME in str(error.value)
    intact(tmp_path, position(tmp_path)["total_steps"])
    monkeypatch.undo()
    resumed = train(named("vae"), tmp_path, init=99, resume=True)
    assert not differing(state(train(named("vae"))), state(resumed))


def test_a_full_disk_under_safetensors(tmp_path, monkeypatch):
    def save(*arguments, **more):
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    train(named("vae"), tmp_path)
    before = (tmp_path / NAME).read_bytes()
    monkeypatch.setattr(files, "save_file", save)
    with pytest.raises(ValueError, match=r"checkpoint.safetensors could not be written"):
        train(named("vae"), tmp_path, resume=True)
    assert (tmp_path / NAME).read_bytes() == before


def no_file_beyond(size: int) -> None:
    """From now on the kernel refuses to let files of this process grow beyond so many bytes."""
    import resource  # Windows has none, and skips in `in_child`

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_a_file_that_may_not_grow(tmp_path):
    """The kernel itself refuses: files of this process are limited to a few blocks."""
    case = named("vae")
    train(case, tmp_path)
    before = (tmp_path / NAME).read_bytes()

    def work() -> None:
        no_file_beyond(4096)
        with pytest.raises(ValueError, match="could not be written"):
            train(case, tmp_path, resume=True)

    assert in_child(work) == 0
    assert (tmp_path / NAME).read_bytes() == before
    assert not list(tmp_path.glob(".*"))


def test_metrics_that_cannot_be_written(tmp_path):
    """Rows are refused by the kernel: the run stops with a sentence, the checkpoint stands."""

    def work() -> None:
        no_file_beyond(2048)
        with pytest.raises(ValueError, match=r"metrics.csv could not be written"):
            train(failing("nothing"), tmp_path, log_every=1, stages={"first": 40})

    assert in_child(work) == 0
    intact(tmp_path, 0)


# ---- an interrupt


def interrupt_at(steps: int, times: int = 1) -> Callable:
    """A callback that presses Ctrl-C."""

    def watch(loop, ended) -> None:
        if loop.position.total_steps == steps:
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)

    return watch


def fit(folder, seed=0, **more):
    """A VAE through the public function."""
    case = named("vae")
    torch.manual_seed(seed)
    return simulacra.fit(case.build(), case.data(), out=folder, options=options_of(case), **more)


def test_an_interrupt_saves_and_goes_on(tmp_path):
    expected = state(fit(tmp_path / "a").model)
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "b", callbacks=(interrupt_at(7),))
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers
    intact(tmp_path / "b", 7)
    run = simulacra.resume(tmp_path / "b", data=named("vae").data())
    assert not differing(expected, state(run.model))
    assert not differing(expected, state(simulacra.load(tmp_path / "b")))


def test_a_second_interrupt_is_answered_at_once(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "b", callbacks=(interrupt_at(7, times=2),))
    intact(tmp_path / "b", 0)


def test_an_interrupt_while_writing_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(file):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        files.write_json(tmp_path / "a.json", {})
    assert not list(tmp_path.iterdir())
