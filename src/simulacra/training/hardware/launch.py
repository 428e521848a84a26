"""Runs a training job in this process or in several."""

from __future__ import annotations

import contextlib
import copy
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch.multiprocessing import ProcessExitedException

from simulacra.core.artifact.save import save_model
from simulacra.core.errors.suggestion import command, train_with
from simulacra.core.model import Model
from simulacra.data.dataset import Dataset
from simulacra.training.callbacks.stopping import Interrupted, shared_request, stop_requests
from simulacra.training.hardware.backend import Backend, FabricBackend, make_fabric, plain
from simulacra.training.hardware.layout import fast_layout
from simulacra.training.hardware.memory import out_of_memory
from simulacra.training.loop import Callback, Loop
from simulacra.training.options import Options
from simulacra.training.steps.optimizer_steps import TrainingFailed

MOMENT = 3.0  # seconds until a failed process has ended


class Job:
    """Training in each process; the first process saves the model.

    Args:
        model: the model.
        data: data set.
        options: training options.
        folder: run folder.
        callbacks: functions `(loop, epoch_ended)` called after each step.
        more: further entries of the saved configuration.
        checkpoint: checkpoint from which to continue; None: start from the beginning.
        ends: True to take no further step.
    """

    def __init__(
        self,
        model: Model,
        data: Dataset,
        options: Options,
        folder: Path,
        callbacks: tuple[Callback, ...],
        more: dict[str, Any],
        checkpoint: Path | None,
        ends: bool = False,
    ):
        self.ends = ends
        self.model, self.data, self.options = model, data, options
        self.folder, self.callbacks, self.more, self.checkpoint = folder, callbacks, more, checkpoint

    def __call__(self, backend: Backend, shared: Any = None) -> None:
        """Trains on `backend`.

        Args:
            backend: one process or several.
            shared: a `shared_request` of several processes, or None.
        """
        try:
            self.model.to(backend.device)
            with stop_requests(shared) as stop, fast_layout(self.model, self.options.precision):
                continued = "start" in self.more
                loop = Loop(
                    self.model, self.data, self.options, backend, self.folder, self.callbacks, stop, continued
                )
                loop.run(self.checkpoint, self.ends)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            # memory errors in the gradients of a step are handled in steps.players
            unscored = train_with(validate=False)
            raise TrainingFailed(
                f"out of memory on {backend.device} beside the gradients of a step (weights, optimizer, "
                f"chains, start or validation): use a smaller model, fewer chains or {unscored}; the last "
                "good checkpoint is kept.",
                unscored,
            ) from error
        if backend.rank == 0:
            save_model(self.model, self.folder, self.more)
        backend.barrier()


def launch(job: Job) -> None:
    """Runs the job with the number of processes in its options.

    Raises:
        TrainingFailed: if a process failed, with its message.
        Interrupted: after a request to stop.
    """
    backend = plain(job.options)
    if backend is not None:
        job(backend)
        return
    fabric = make_fabric(job.options)
    if job.options.devices == 1:
        fabric.launch()
        job(FabricBackend(fabric))
        return
    # SIGINT reaches all processes, SIGTERM only this one: share the request, and wait for the checkpoint
    shared = shared_request()
    with stop_requests(shared), _quiet():
        try:
            fabric.launch(_work, job, shared)
        except Exception as error:
            raise _original_error(error, job.folder) from None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Context that silences torch's log of the processes that it ends after an error."""
    log = logging.getLogger("torch.multiprocessing.spawn")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def _work(fabric: Any, job: Job, shared: Any) -> None:
    # a model sent to another process shares its memory with the sender
    job.model = copy.deepcopy(job.model)
    try:
        job(FabricBackend(fabric), shared)
    except RuntimeError:
        # another process may have failed and cut the connection: wait, so that its error is reported first
        time.sleep(MOMENT)
        raise


def _original_error(error: Exception, folder: Path) -> Exception:
    """Returns the exception of a child process, parsed from the text of its traceback."""
    if isinstance(error, ProcessExitedException):
        ended = error.signal_name or f"exit code {error.exit_code}"
        resume = command("train", "--resume", folder)
        return TrainingFailed(
            f"process {error.error_index} of the training was ended from outside ({ended}), perhaps because "
            f"memory ran out: the last good checkpoint is kept; go on with {resume}.",
            resume,
        )
    lines = [line for line in str(error).splitlines() if line.strip()]
    name, _, sentence = (lines[-1] if lines else "").partition(": ")
    kind = name.rsplit(".", 1)[-1]
    if kind == "Interrupted":
        return Interrupted()
    if kind in ("TrainingFailed", "ValueError", "MissingCapability", "WrongCall"):
        return TrainingFailed(sentence) if kind == "TrainingFailed" else ValueError(sentence)
    return error
