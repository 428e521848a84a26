"""The loop: stages of updates, knowing no family.

Every random number is keyed by (seed, stage, step, update, name), every batch by (seed, stage,
epoch), so the state of training is the tensors of `checkpoint.state_tensors` and a `Position`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from simulacra.core.batch import Batch
from simulacra.core.model import Model, evaluating
from simulacra.core.random import Rng
from simulacra.core.training import Stage
from simulacra.data.dataset import Dataset, Split
from simulacra.training import checkpoint as ck
from simulacra.training.backend import Backend
from simulacra.training.ema import Ema
from simulacra.training.metrics import Metrics
from simulacra.training.options import Options, draws
from simulacra.training.order import Order, share_of
from simulacra.training.players import Player, TrainingFailed
from simulacra.training.progress import Progress
from simulacra.training.validation import can_validate, validation_score

log = logging.getLogger("simulacra")
Watcher = Callable[["Loop", bool], None]


class Interrupted(Exception):
    """Someone asked to stop; the checkpoint is written."""


@dataclass
class Feed:
    """One stream of batches: the rows of this process of each global batch, in order."""

    split: Split
    order: Order
    rows: range
    batches: Iterator[Batch]

    @classmethod
    def open(cls, split: Split, size: int, rng: Rng, first: int, last: int, backend: Backend) -> Feed:
        """Batches `first` to `last` of the stream keyed by `rng`."""
        order = Order(len(split), size, rng)
        rows = share_of(order.batch_size, backend.rank, backend.world)
        return cls(split, order, rows, split.read(order.parts(first, last, rows)))

    def next(self, rng: Rng) -> Batch:
        """The next batch, in the model's space."""
        return self.split.prepare(replace(next(self.batches), rows=self.rows), rng)


class Loop:
    """Training of one model on one data set.

    Args:
        model: on the backend's device.
        data: where `train` and `valid` come from.
        options: how.
        backend: one process or several.
        folder: where checkpoint and metrics go, or None to write nothing.
        watchers: called with the loop after each step and whether an epoch ended.
        stop: asked after each step whether to stop.
    """

    def __init__(
        self,
        model: Model,
        data: Dataset,
        options: Options,
        backend: Backend,
        folder: Path | None = None,
        watchers: tuple[Watcher, ...] = (),
        stop: Callable[[], bool] = lambda: False,
    ):
        self.model, self.data, self.options, self.backend = model, data, options, backend
        self.folder = folder if backend.rank == 0 else None
        self.watchers, self.stop = watchers, stop
        self.position = ck.Position()
        self.train = data.train.to(backend.device)
        self.valid = None if data.valid is None else data.valid.to(backend.device)
        self.validates = can_validate(model, self.valid, options)
        self.ema = Ema(model, options.ema) if options.ema else None
        self.best: dict[str, Tensor] = {}
        self.players: list[Player] = []
        self.terms: dict[str, float] = {}
        self.last: dict[str, Tensor] = {}
        self.stage: Stage | None = None
        self.shards: dict[str, range] = {}
        self._tensors: dict[str, Tensor] = {}

    # ---- from start to end

    def run(self, resume: Path | None = None) -> None:
        """Train to the end, or on from the checkpoint `resume`.

        Raises:
            TrainingFailed: if a loss is not finite; the last good checkpoint stands.
            Interrupted: if `stop` said so; the checkpoint is written.
        """
        if resume is not None:
            self._tensors, self.position = ck.load(resume, self.backend)
            ck.restore_model(self.model, self._tensors, self.backend)
            self.best = ck.part(self._tensors, "best/")
            if self.ema:
                self.ema.load(ck.part(self._tensors, "ema/"))
        keep = self.position.total_steps
        self.metrics = Metrics(self.folder / "metrics.csv" if self.folder else None, keep)
        self._shard(whole=resume is None)
        self.began = time.perf_counter() - self.position.seconds
        self.model.train()
        try:
            while not self.position.finished:
                self.stage = self.model.stage(self.position.stage, self.position.past)
                if self.stage is None:
                    self.position.finished = True
                    break
                self._run_stage(self.stage)
                self._next_stage(self.stage)
            self._settle()
        finally:
            self.metrics.close()

    def _run_stage(self, stage: Stage) -> None:
        self.total = self.options.steps(stage, self.model, len(self.train))
        if not self.position.started:
            if stage.start is not None:
                rng = Rng(self.options.seed, stage.name, "start", device=self.backend.device)
                with evaluating(self.model):
                    stage.start(self.model, self.train, rng)
                if self.ema:
                    self.ema = Ema(self.model, self.ema.decay)
            self.position.started = True
        self.players = [Player(self.model, u, self.options, self.backend) for u in stage.updates]
        for player in self.players:
            player.load(ck.part(self._tensors, f"optimiser/{player.update.name}/"))
        self._tensors = {}
        self.saved = time.perf_counter()
        if self.position.step == 0:
            self.save()
        if stage.updates:
            self._steps(stage)

    def _next_stage(self, stage: Stage) -> None:
        p = self.position
        if self.best and self.options.patience:
            self._install(self.best)
        p.past.append(
            {"name": stage.name, "steps": p.step, "terms": {n: float(t) for n, t in self.last.items()}}
        )
        self.position = ck.Position(
            stage=p.stage + 1, past=p.past, total_steps=p.total_steps, seconds=p.seconds
        )
        self.players, self.best = [], {}
        for parameter in self.model.parameters():
            parameter.requires_grad_(True)

    def _settle(self) -> None:
        """The end: the averaged weights are the model's."""
        if self.ema and not self.options.patience:
            self.ema.install()
        self.model.eval()
        self.save()
        for name in self.model.sharded:
            setattr(self.model, name, self.backend.gather(getattr(self.model, name)))

    # ---- one stage

    def _steps(self, stage: Stage) -> None:
        p, per_step = self.position, draws(stage)
        rng = Rng(self.options.seed, stage.name, shards=self.shards, device=self.backend.device)
        main, streams = self._feeds(stage, rng, per_step)
        self.every = self.options.log_every or max(1, self.total // 200)
        batches_per_epoch = len(self.train) / (main.order.batch_size * per_step)
        progress = Progress(stage.name, self.total, p.step, main.order.batch_size * per_step, self._shows())
        sums: dict[str, float] = {}
        try:
            while p.step < self.total:
                logged = self._step(stage, rng.at(p.step), main, streams, per_step)
                p.step += 1
                p.total_steps += 1
                self._record(logged, sums)
                progress.step(p.step, self.terms)
                ended = int(p.step / batches_per_epoch + 1e-9) > p.epoch or p.step == self.total
                if self._after_step(ended, batches_per_epoch):
                    break
        finally:
            progress.close()

    def _feeds(self, stage: Stage, rng: Rng, per_step: int) -> tuple[Feed, dict[str, Feed]]:
        first, last = self.position.step * per_step, self.total * per_step
        size = self.options.batch_size
        main = Feed.open(self.train, size, rng.at("order"), first, last, self.backend)
        if len(main.rows) < self.options.accumulate:
            raise ValueError(
                f"{len(self.train)} training rows do not fill {self.backend.world} processes with "
                f"{self.options.accumulate} micro-batches: use fewer."
            )
        declared = stage.streams(self.train) if stage.streams else {}
        streams = {
            name: Feed.open(s.source, s.batch_size, rng.at("order", name), first, last, self.backend)  # type: ignore[arg-type]
            for name, s in declared.items()
        }
        return main, streams

    def _step(
        self, stage: Stage, rng: Rng, main: Feed, streams: Mapping[str, Feed], per_step: int
    ) -> dict[str, Tensor]:
        batches = []
        for r in range(per_step):
            batch = main.next(rng.at("data", r))
            batch.extra = {name: feed.next(rng.at("data", r, name)) for name, feed in streams.items()}
            if stage.view is not None:
                with evaluating(self.model):
                    batch = stage.view(self.model, batch, rng.at("view", r).on(batch))
            batches.append(batch)
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
            self.ema.update()
        return logged

    def _move(self, player: Player, batch: Batch, rng: Rng) -> dict[str, Tensor]:
        p = self.position
        try:
            first = p.step < player.update.every
            terms = player.move(batch, rng, p.step / self.total, first)
        except FloatingPointError as error:
            raise TrainingFailed(
                f"the loss term {str(error)!r} of update {player.update.name!r} is not finite at step "
                f"{p.step} of stage {self.stage.name!r}: training stopped, the last good checkpoint is "  # type: ignore[union-attr]
                f"kept{f' in {self.folder}' if self.folder else ''}; try a lower lr or clip=1."
            ) from None
        if len(self.players) > 1:
            terms = {f"{player.update.name}/{name}": value for name, value in terms.items()}
        return terms

    # ---- what happens around a step

    def _record(self, logged: dict[str, Tensor], sums: dict[str, float]) -> None:
        self.last = logged
        for name, value in logged.items():
            sums[name] = sums.get(name, 0.0) + float(value)
            sums[f"#{name}"] = sums.get(f"#{name}", 0) + 1
        if self.position.step % self.every and self.position.step != self.total:
            return
        self.terms = {n: v / sums[f"#{n}"] for n, v in sums.items() if not n.startswith("#")}
        sums.clear()
        self.metrics.add(self._where(), self.terms)

    def _where(self) -> dict[str, Any]:
        p = self.position
        epoch = p.step * self.options.batch_size / max(1, len(self.train))
        return {
            "stage": self.stage.name if self.stage else "",
            "step": p.step,
            "epoch": f"{epoch:.4g}",
            "seconds": f"{time.perf_counter() - self.began:.2f}",
            "total_step": p.total_steps,
        }

    def _after_step(self, ended: bool, batches_per_epoch: float) -> bool:
        """Validation, watchers, checkpoint, interruption; True ends the stage early."""
        p, enough = self.position, False
        if ended:
            p.epoch = max(p.epoch + 1, int(p.step / batches_per_epoch + 1e-9))
            enough = self._validate() if self.validates else False
        for watcher in self.watchers:
            watcher(self, ended)
        interrupted = self.backend.sum(torch.tensor(float(self.stop()))) > 0 if self._many() else self.stop()
        due = time.perf_counter() - self.saved > self.options.checkpoint_seconds
        if self._many():
            due = bool(self.backend.sum(torch.tensor(float(due))) > 0)
        if due or interrupted:
            self.save()
        if interrupted:
            raise Interrupted
        return enough

    def _many(self) -> bool:
        return self.backend.world > 1

    def _validate(self) -> bool:
        assert self.valid is not None
        with self.ema.installed() if self.ema else nullcontext():
            score = validation_score(self.model, self.valid, self.options.seed)
            p = self.position
            self.metrics.add(self._where(), {"valid_score": score})
            if p.best is None or score > p.best:
                p.best, p.best_epoch, p.worse = score, p.epoch, 0
                if self.options.patience:
                    self.best = {n: t.detach().clone() for n, t in self.model.state_dict().items()}
            else:
                p.worse += 1
        if self.options.patience and p.worse >= self.options.patience:
            log.info("stopped early after epoch %d: best validation score %.4f", p.epoch, p.best)
            return True
        return False

    def _install(self, weights: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, t in self.model.state_dict().items():
                t.copy_(weights[name])

    def _shows(self) -> bool | None:
        return False if self.backend.rank else self.options.progress

    def _shard(self, whole: bool) -> None:
        """Give each process its rows of the sharded buffers."""
        for name in self.model.sharded:
            buffer = getattr(self.model, name)
            if not whole:
                total = int(self.backend.sum(torch.tensor(len(buffer))))
            else:
                total = len(buffer)
            own = share_of(total, self.backend.rank, self.backend.world)
            self.shards[name] = own
            if whole:
                setattr(self.model, name, buffer[own.start : own.stop].clone())

    def save(self) -> None:
        """Write the checkpoint, unless a weight is not finite."""
        self.position.seconds = time.perf_counter() - self.began
        self.saved = time.perf_counter()
        tensors = ck.state_tensors(self.model, self.players, self.ema, self.best, self.backend)
        if not ck.finite(tensors):
            raise TrainingFailed(
                f"a weight is not finite after step {self.position.step}: training stopped, the last good "
                "checkpoint is kept; try a lower lr or clip=1."
            )
        if self.folder is not None:
            ck.save(self.folder / ck.NAME, tensors, self.position, self.backend)
