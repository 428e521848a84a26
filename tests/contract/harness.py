"""Training of a case as the tests need it: through the loop itself, into a folder or none."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from contract.case import BATCH, Case
from contract.world import kept, untouched
from simulacra.core.model import Model
from simulacra.core.storage.files import read_tensors
from simulacra.core.updates import Stage
from simulacra.training.hardware.backend import Backend
from simulacra.training.loop import Loop
from simulacra.training.options import Options
from simulacra.training.state.checkpoint import NAME

State = dict[str, torch.Tensor]


def options_of(case: Case, **settings: Any) -> Options:
    """The case's options on one quiet CPU process, with `settings` on top."""
    quiet: dict[str, Any] = {"batch_size": BATCH, "device": "cpu", "progress": False}
    return Options(**{**quiet, **case.options, **settings})


def train(
    case: Case,
    folder: Path | None = None,
    init: int = 0,
    resume: bool = False,
    hook: Callable[[Loop], None] = lambda loop: None,
    backend: Backend | None = None,
    dtype: torch.dtype = torch.float32,
    **settings: Any,
) -> Model:
    """The model, trained from weights initialized by `init`, or on from the folder's checkpoint.

    Args:
        hook: changes the loop before it runs.
        dtype: of weights and data.
    """
    model = case.build(init).to(dtype)
    backend = backend or Backend(torch.device("cpu"))
    with untouched():
        torch.set_default_dtype(dtype)
        loop = Loop(model, case.data(), options_of(case, **settings), backend, folder)
        hook(loop)
        loop.run(folder / NAME if resume and folder else None)
    return model


def state(model: Model) -> State:
    """A copy of every weight and buffer."""
    return {name: t.detach().clone() for name, t in model.state_dict().items()}


def differing(a: State, b: State) -> list[str]:
    """Names of the tensors that are not equal bit for bit."""
    assert a.keys() == b.keys()
    return [name for name in a if not torch.equal(a[name], b[name])]


def fork() -> int:
    """`os.fork`, or the test is skipped."""
    if sys.platform in ("win32", "darwin"):
        pytest.skip("needs os.fork, which Windows lacks and the libraries of macOS do not survive")
    return os.fork()


def in_child(work: Callable[[], object], spent: float | None = None) -> int:
    """Run `work` in a forked process; the number of the signal that ended it, or 0.

    Args:
        spent: seconds of CPU time after which the process is killed, wherever it is; how busy the machine
            is plays no part.
    """
    pid = fork()
    if pid == 0:
        try:
            if spent is not None:
                signal.signal(signal.SIGPROF, signal.SIG_DFL)
                signal.setitimer(signal.ITIMER_PROF, spent)
            work()
        finally:
            os._exit(1 if _failed() else 0)
    status = os.waitpid(pid, 0)[1]
    assert not os.WIFEXITED(status) or os.WEXITSTATUS(status) == 0, "the child failed"
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def _failed() -> bool:
    if sys.exc_info()[0] is None:
        return False
    traceback.print_exc()
    return True


def die() -> None:
    """End this process as `kill -9` does."""
    os.kill(os.getpid(), signal.SIGKILL)


def killed_at(total_steps: int) -> Callable[[Loop], None]:
    """A hook: the process dies after so many steps, before they are saved."""

    def hook(loop: Loop) -> None:
        loop.callbacks += (lambda loop, ended: die() if loop.position.total_steps == total_steps else None,)

    return hook


def killed_after_save(when: Callable[[Loop], bool]) -> Callable[[Loop], None]:
    """A hook: the process dies as soon as a checkpoint for which `when` holds is written."""

    def hook(loop: Loop) -> None:
        save = loop.save

        def save_and_die() -> None:
            save()
            if when(loop):
                die()

        loop.save = save_and_die

    return hook


def killed_in_start(number: int) -> Callable[[Loop], None]:
    """A hook: the process dies within the start of the stage `number`, half its work done."""

    def hook(loop: Loop) -> None:
        original = loop.model.stage

        def stage(i: int, past: list) -> Stage | None:
            found = original(i, past)
            if i == number and found is not None and found.start is not None:
                start = found.start
                found = replace(found, start=lambda *arguments: (start(*arguments), die()))
            return found

        object.__setattr__(loop.model, "stage", stage)

    return hook


def position(folder: Path) -> dict[str, Any]:
    """Where the checkpoint in the folder stands."""
    return read_tensors(folder / NAME)[1]["position"]


@kept
def uninterrupted(case: Case) -> tuple[Model, list[dict[str, Any]]]:
    """The case's model after its few steps, which no test changes, and what each stage recorded."""
    loops: list[Loop] = []
    return train(case, hook=loops.append), loops[0].position.past


def trained(case: Case) -> Model:
    """The case's model after its few steps; tests do not change it."""
    return uninterrupted(case)[0]


def stages_of(case: Case) -> list[dict[str, Any]]:
    """What each stage of an uninterrupted run records."""
    return uninterrupted(case)[1]
