"""Training of a case as the tests need it: through the loop itself, into a folder or none."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from contract.cases import BATCH, Case
from simulacra.core.model import Model
from simulacra.training.backend import Backend
from simulacra.training.checkpoint import NAME
from simulacra.training.loop import Loop
from simulacra.training.options import Options

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
    watchers: tuple[Callable, ...] = (),
    backend: Backend | None = None,
    **settings: Any,
) -> Model:
    """The model, trained from weights initialised by `init`, or on from the folder's checkpoint."""
    model = case.build(init)
    backend = backend or Backend(torch.device("cpu"))
    loop = Loop(model, case.data(), options_of(case, **settings), backend, folder, watchers)
    loop.run(folder / NAME if resume else None)
    return model


def state(model: Model) -> State:
    """A copy of every weight and buffer."""
    return {name: t.detach().clone() for name, t in model.state_dict().items()}


def differing(a: State, b: State) -> list[str]:
    """Names of the tensors that are not equal bit for bit."""
    assert a.keys() == b.keys()
    return [name for name in a if not torch.equal(a[name], b[name])]


def in_child(work: Callable[[], object], alarm: float | None = None) -> int:
    """Run `work` in a forked process; the number of the signal that ended it, or 0.

    Args:
        alarm: seconds after which the process is killed, wherever it is.
    """
    pid = os.fork()
    if pid == 0:
        try:
            if alarm is not None:
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.setitimer(signal.ITIMER_REAL, alarm)
            work()
        finally:
            os._exit(1 if _failed() else 0)
    status = os.waitpid(pid, 0)[1]
    assert not os.WIFEXITED(status) or os.WEXITSTATUS(status) == 0, "the child failed"
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def _failed() -> bool:
    import sys
    import traceback

    if sys.exc_info()[0] is None:
        return False
    traceback.print_exc()
    return True


def kill_at(total_steps: int) -> Callable[[Loop, bool], None]:
    """A watcher that kills its process, as `kill -9` would, after so many steps."""

    def watch(loop: Loop, ended: bool) -> None:
        if loop.position.total_steps == total_steps:
            os.kill(os.getpid(), signal.SIGKILL)

    return watch
