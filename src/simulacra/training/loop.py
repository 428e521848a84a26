"""The training loop: runs the stages and updates that a model declares, without knowing any model.

Every random number is keyed by (seed, stage, step, update, name), every batch by (seed, stage,
epoch), so the state of training is the tensors of `checkpoint.state_tensors` and a `Position`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from simulacra.core.batch import Batch
from simulacra.core.errors.suggestion import train_with
from simulacra.core.interface import evaluating
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.updates import Initial, Stage
from simulacra.data.dataset import Dataset
from simulacra.training.callbacks.diagnostics import Diagnostics
from simulacra.training.callbacks.progress import begin, shown
from simulacra.training.callbacks.stopping import Interrupted
from simulacra.training.callbacks.validation import Validator
from simulacra.training.hardware.backend import Backend
from simulacra.training.hardware.memory import counted, placed
from simulacra.training.options import Options
from simulacra.training.state import checkpoint as ck
from simulacra.training.state.ema import Ema
from simulacra.training.state.metrics import Metrics
from simulacra.training.steps.feed import Feeds
from simulacra.training.steps.optimizer_steps import OptimizerStep, TrainingFailed

log = logging.getLogger("simulacra")
CLIPPED = train_with(clip=1)
SCORES = 200  # validation scores of a stage without `patience`
Callback = Callable[["Loop", bool], None]


class Loop:
    """Training of one model on one data set.

    Args:
        model: model, on the backend's device.
        data: data set with the splits `train` and `valid`.
        options: training options.
        backend: one process or several.
        folder: folder for checkpoint and metrics; None: nothing is written.
        callbacks: functions called after each step with the loop, and True if an epoch ended.
        stop: called after each step; returns True to stop.
        continued: True where training goes on from trained weights, which no `Initial` overwrites.
    """

    def __init__(
        self,
        model: Model,
        data: Dataset,
        options: Options,
        backend: Backend,
        folder: Path | None = None,
        callbacks: tuple[Callback, ...] = (),
        stop: Callable[[], bool] = lambda: False,
        continued: bool = False,
    ):
        self.model, self.data, self.options, self.backend = model, data, options, backend
        self.folder = folder if backend.rank == 0 else None
        self.callbacks, self.stop, self.continued = callbacks, stop, continued
        self.position = ck.Position()
        self.train, valid = placed(data.train, data.valid, backend.device)
        self.validator = Validator(model, valid, options, backend)
        self.diagnostics = Diagnostics(model, self.train if valid is None else valid, options.seed)
        self.ema = Ema(model, options.ema) if options.ema else None
        self.players: list[OptimizerStep] = []
        self.terms: dict[str, float] = {}
        self.stage: Stage | None = None
        self.shards: dict[str, range] = {}
        self._tensors: dict[str, Tensor] = {}

    # ---- from start to end

    def run(self, resume: Path | None = None, ends: bool = False) -> None:
        """Trains to the end, from the beginning or from a checkpoint.

        Args:
            resume: checkpoint file, or None.
            ends: True to take no further step: the weights of the checkpoint become those of the run.

        Raises:
            TrainingFailed: if a loss is not finite; the last good checkpoint is kept.
            Interrupted: if `stop` returned True; the checkpoint is written.
        """
        if resume is not None:
            self._tensors, self.position = ck.load(resume, self.backend)
            ck.restore(self.model, ck.part(self._tensors, "model/"), self.backend)
            self.validator.best = ck.part(self._tensors, "best/")
            if self.ema:
                self.ema.load(ck.part(self._tensors, "ema/"))
        keep = self.position.total_steps
        self.metrics = Metrics(self.folder / "metrics.csv" if self.folder else None, keep)
        self.shards = ck.shard(self.model, self.backend, whole=resume is None)
        self.entered = time.perf_counter()
        self.began = self.entered - self.position.seconds
        self.model.train()
        try:
            while not self.position.finished:
                self.stage = self.model.stage(self.position.stage, self.position.past)
                if self.stage is None:
                    self.position.finished = True
                    break
                if not ends:
                    self._run_stage(self.stage)
                self._next_stage(self.stage)
                self.position.finished = ends
            self._finish()
        finally:
            self.metrics.close()

    def _run_stage(self, stage: Stage) -> None:
        """Runs one stage from the current position."""
        p = self.position
        self.total = self.options.steps_of(stage, self.model, len(self.train))
        # raises errors for invalid updates before anything is written
        self.players = [OptimizerStep(self.model, u, self.options, self.backend) for u in stage.updates]
        rng = Rng(self.options.seed, stage.name, shards=self.shards, device=self.backend.device)
        feeds = Feeds(stage, self.train, self.options, rng, p.step, self.total, self.backend)
        if not p.started:
            if p.stage == 0:
                # after an interrupt, the stage's start runs again from these weights
                self.save()
            self._begin(stage)
        for player in self.players:
            player.load(ck.part(self._tensors, f"optimizer/{player.update.name}/"))
            player.accumulate = p.parts.get(player.update.name, player.accumulate)
        self._tensors = {}
        self.saved = time.perf_counter()
        if p.step == 0:
            self.save()
        if stage.updates:
            self._steps(stage, rng, feeds)

    def _begin(self, stage: Stage) -> None:
        """Runs the stage's `start`; a run that it refuses has not begun and leaves no checkpoint."""
        try:
            self._start(stage)
        except ValueError:
            if self.position.total_steps == 0 and self.position.stage == 0 and self.folder is not None:
                (self.folder / ck.NAME).unlink(missing_ok=True)
            raise

    def _start(self, stage: Stage) -> None:
        """Runs the stage's `start`, such as a closed-form initialization."""
        if stage.start is not None and not (self.continued and isinstance(stage.start, Initial)):
            seed, device = self.options.seed, self.backend.device
            rng = Rng(seed, stage.name, "start", shards=self.shards, device=device)
            with evaluating(self.model):
                stage.start(self.model, self.train, rng)
            if self.ema:
                self.ema = Ema(self.model, self.ema.decay)
        self.position.started = True

    def _next_stage(self, stage: Stage) -> None:
        """Records the finished stage and moves the position to the next."""
        p = self.position
        if self.validator.install() and self.ema:
            self.ema = Ema(self.model, self.ema.decay)
        p.past.append({"name": stage.name, "steps": p.step, "terms": p.last})
        self.position = ck.Position(
            stage=p.stage + 1, past=p.past, total_steps=p.total_steps, seconds=p.seconds
        )
        self.players = []
        for parameter in self.model.parameters():
            parameter.requires_grad_(True)

    def _finish(self) -> None:
        """Finishes training: the averaged weights become the model's, and sharded buffers are gathered."""
        if self.ema:
            self.ema.install()
        self.model.eval()
        self.save()
        for name in self.model.sharded:
            setattr(self.model, name, self.backend.gather(getattr(self.model, name)))

    # ---- one stage

    def _steps(self, stage: Stage, rng: Rng, feeds: Feeds) -> None:
        """Runs the steps of a stage."""
        p = self.position
        rows = feeds.batch_size * feeds.per_step
        self.per_epoch = len(self.train) / rows
        self.every = self.options.log_every or max(1, self.total // 200)
        self._log_size(stage.name, feeds.batch_size)
        if p.total_steps == 0:
            begin(self)
        with shown(self, stage.name, rows) as pace:
            if p.pending:
                self._after_step()
            while p.step < self.total and not self.validator.enough(p):
                logged = self._step(rng.at(p.step), feeds)
                p.step += 1
                p.total_steps += 1
                self._record(logged)
                pace.step(p.step, self.terms)
                self._after_step()

    def _step(self, rng: Rng, feeds: Feeds) -> dict[str, Tensor]:
        """Runs one step of all updates and returns their losses."""
        batches = feeds.next(self.model, rng)
        logged: dict[str, Tensor] = {}
        for player in self.players:
            update = player.update
            if self.position.step % update.every:
                continue
            if len(self.players) > 1:
                player.toggle()
            for r in range(update.repeat):
                keyed = rng.at(update.name, r).on(batches[r])
                logged |= self._move(player, batches[r], keyed)
        if self.ema:
            self.ema.update(self.position.step)
        return logged

    def _move(self, player: OptimizerStep, batch: Batch, rng: Rng) -> dict[str, Tensor]:
        """Runs one optimizer step of one update and returns its losses."""
        p = self.position
        try:
            first = p.step < player.update.every
            terms = player.move(batch, rng, p.step / self.total, first, p.step)
        except FloatingPointError as error:
            raise TrainingFailed(
                f"the loss term {str(error)!r} of update {player.update.name!r} is not finite at step "
                f"{p.step} of stage {self.stage.name!r}: training stopped, the last good checkpoint is "  # type: ignore[union-attr]
                f"kept{f' in {self.folder}' if self.folder else ''}; try a lower lr or {CLIPPED}.",
                CLIPPED,
            ) from None
        if len(self.players) > 1:
            terms = {f"{player.update.name}/{name}": value for name, value in terms.items()}
        return terms

    # ---- what happens around a step

    def _record(self, logged: dict[str, Tensor]) -> None:
        """Adds the losses to the running means, and writes a row of metrics every `every` steps."""
        sums = self.position.sums
        self.position.last = {name: float(value) for name, value in logged.items()}
        for name, value in self.position.last.items():
            sums[name] = sums.get(name, 0.0) + value
            sums[f"#{name}"] = sums.get(f"#{name}", 0) + 1
        if self.position.step % self.every and self.position.step != self.total:
            return
        self.terms = {n: v / sums[f"#{n}"] for n, v in sums.items() if not n.startswith("#")}
        sums.clear()
        self.metrics.add(self._where(), self.terms)

    def _where(self) -> dict[str, Any]:
        """Returns the columns of a row of metrics that locate it."""
        p = self.position
        epoch = p.step / self.per_epoch
        return {
            "stage": self.stage.name if self.stage else "",
            "step": p.step,
            "epoch": f"{epoch:.4g}",
            "seconds": f"{time.perf_counter() - self.began:.2f}",
            "total_step": p.total_steps,
        }

    def _after_step(self) -> None:
        """Runs validation and diagnostics after an epoch, callbacks and checkpoints; stops on request."""
        p = self.position
        epochs = int(p.step / self.per_epoch + 1e-9)
        ended = p.pending or epochs > p.epoch or p.step == self.total
        if ended:
            self._validate(max(p.epoch + 1, epochs))
            if self.diagnostics.active:
                found = self.diagnostics.measure(self.ema)
                self.metrics.add(self._where(), found)
                self.terms |= found
        for callback in self.callbacks:
            callback(self, ended)
        interrupted = self._in_any_process(self.stop())
        if (
            self._in_any_process(time.perf_counter() - self.saved > self.options.checkpoint_seconds)
            or interrupted
        ):
            self.save()
        if interrupted:
            raise Interrupted

    def _validate(self, epoch: int) -> None:
        """Scores the validation rows; after an interrupt, the score is repeated on resume."""
        p = self.position
        before, p.epoch, p.pending = p.epoch, epoch, False
        due = self.validator.active and self._due(before, epoch)
        try:
            found = {"valid_score": self.validator.judge(p, self.ema)} if due else {}
        except Interrupted:
            p.epoch, p.pending = before, True
            self.save()
            raise
        if found:
            self.metrics.add(self._where(), found)

    def _due(self, before: int, epoch: int) -> bool:
        """Returns True if this epoch is scored: all of them with `patience`, else about `SCORES` a stage."""
        if self.options.patience or self.position.step == self.total:
            return True
        each = max(1, int(self.total / self.per_epoch) // SCORES)
        return epoch // each > before // each

    def _in_any_process(self, here: bool) -> bool:
        """Returns True if a condition holds in any process."""
        if self.backend.world == 1:
            return here
        return bool(self.backend.sum(torch.tensor(float(here))) > 0)

    def _log_size(self, name: str, rows: int) -> None:
        """Logs steps and memory before the first step."""
        players = [(player.parameters, player.plan) for player in self.players]
        self.needs = counted(self.model, players, bool(self.ema), self.train)
        if self.folder is not None:
            log.info("%s: %s steps of %s rows; %s", name, f"{self.total:,}", f"{rows:,}", self.needs)

    def save(self) -> None:
        """Writes the checkpoint, unless a weight is not finite.

        Raises:
            TrainingFailed: if a weight is not finite.
        """
        self.position.seconds = time.perf_counter() - self.began
        split = [player for player in self.players if player.accumulate != self.options.accumulate]
        self.position.parts = {player.update.name: player.accumulate for player in split}
        self.saved = time.perf_counter()
        tensors = ck.state_tensors(self.model, self.players, self.ema, self.validator.best, self.backend)
        bad = ck.poisoned(self.model, tensors)
        if bad is not None:
            raise TrainingFailed(
                f"the weight {bad!r} is not finite after step {self.position.step} of stage "
                f"{self.stage.name if self.stage else ''!r}: training stopped, the last good checkpoint is "
                f"kept; try a lower lr or {CLIPPED}.",
                CLIPPED,
            )
        if self.folder is not None:
            ck.save(self.folder / ck.NAME, tensors, self.position, self.backend)
