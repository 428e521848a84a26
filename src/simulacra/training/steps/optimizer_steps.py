"""Optimizer steps: an update with its parameters, its optimizer and its loss wrapped for processes."""

from __future__ import annotations

import logging
import math
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from simulacra.core.batch import Batch, Terms
from simulacra.core.errors.calls import WrongCall
from simulacra.core.errors.suggestion import Phrase, Refusal, train_with
from simulacra.core.model import Model
from simulacra.core.numerics.exchange import exchanging
from simulacra.core.numerics.precision import to_float64
from simulacra.core.random.keyed import Rng, ambient
from simulacra.core.updates import Update, selects
from simulacra.training.hardware.backend import Backend
from simulacra.training.hardware.memory import out_of_memory, release
from simulacra.training.options import Options
from simulacra.training.steps.coupling import coupling, refuse_coupled
from simulacra.training.steps.gradient_noise import add_noise
from simulacra.training.steps.objective import Totals, reduce_terms
from simulacra.training.steps.statistics import Statistics

log = logging.getLogger("simulacra")


class TrainingFailed(Refusal):
    """Training stopped with an error; the last good checkpoint is kept."""


class Held:
    """A batch and its noise, opaque to Fabric's wrappers, which would rebuild a `Batch` incompletely.

    Args:
        batch: the batch.
        rng: its random numbers.
    """

    def __init__(self, batch: Batch, rng: Rng):
        self.batch, self.rng = batch, rng


class LossModule(nn.Module):
    """An update as a module whose forward computes its loss, so that DDP exchanges exactly its gradients.

    Args:
        model: the model.
        update: the update.
        processes: backend for exchanges within the loss.
    """

    def __init__(self, model: Model, update: Update, processes: Backend):
        super().__init__()
        self.model, self.update, self.processes = model, update, processes

    def forward(self, held: Held) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]:
        """Returns loss terms, logged terms and statistics as dictionaries, which DDP can traverse."""
        with ambient(held.rng), exchanging(self.processes):
            terms = self.update.loss(self.model, held.batch, held.rng)
        _check_terms(terms, self.update.name)
        return terms.loss, terms.log, {name: sums.detach() for name, sums in terms.stats.items()}


def _check_terms(terms: Any, name: str) -> None:
    """Raises WrongCall, with what to return instead, if a loss returned anything but Terms of tensors."""
    if not isinstance(terms, Terms):
        whole = "Terms(loss)" if isinstance(terms, dict) else "Terms({'loss': loss})"
        told = "None" if terms is None else f"a {type(terms).__name__}"
        raise WrongCall(
            f"the loss of update {name!r} returned {told}, but it must return Terms with one value for each "
            f"row, shape (B,): return {whole}."
        )
    wrong = next((term for term, value in terms.loss.items() if not isinstance(value, Tensor)), None)
    if wrong is not None:
        kind = type(terms.loss[wrong]).__name__
        raise WrongCall(
            f"the term {wrong!r} of update {name!r} is a {kind}, but it must be a tensor with one "
            "value for each row, shape (B,)."
        )
    wrong = next((stat for stat, value in terms.stats.items() if not isinstance(value, Tensor)), None)
    if wrong is not None:
        kind = type(terms.stats[wrong]).__name__
        raise WrongCall(
            f"the statistic {wrong!r} of update {name!r} is a {kind}, but it must be a tensor that sums over "
            "the rows, such as value.sum(0)."
        )


class OptimizerStep:
    """The optimizer steps of one update.

    Args:
        model: the model.
        update: the update.
        options: training options.
        backend: one process or several.

    Raises:
        ValueError: if the update selects no parameter, or cannot run in the given parts.
    """

    def __init__(self, model: Model, update: Update, options: Options, backend: Backend):
        self.model, self.update, self.backend = model, update, backend
        self.accumulate, self.gradient_noise = options.accumulate, options.gradient_noise
        named = dict(model.named_parameters())
        self.names = [name for name in named if selects(update.params, name)]
        if not self.names:
            raise ValueError(
                f"update {update.name!r} selects no parameter with {update.params}; "
                f"parameters begin with {', '.join(sorted({n.split('.')[0] for n in named}))}."
            )
        self.parameters = [named[name] for name in self.names]
        self.others = [p for name, p in named.items() if name not in set(self.names)]
        self.plan = options.optimizer(update)
        self.optimizer = self.plan.build(self.parameters)
        refuse_coupled(model, update, backend.world, self.accumulate)
        self.toggle()
        self.loss = backend.wrap(LossModule(model, update, backend))

    def toggle(self) -> None:
        """Makes only this update's parameters require gradients."""
        for p in self.others:
            p.requires_grad_(False)
        for p in self.parameters:
            p.requires_grad_(True)

    def move(self, batch: Batch, rng: Rng, progress: float, first: bool, step: int = 0) -> dict[str, Tensor]:
        """Runs one optimizer step.

        Args:
            batch: the batch.
            rng: random numbers of the step.
            progress: finished share of the stage, in [0, 1].
            first: True to check that all parameters have gradients.
            step: number of finished steps of the stage, by which gradient noise falls.

        Returns:
            The mean of each term over the global batch.

        Raises:
            FloatingPointError: if a loss is not finite; its message is the name of the term.
            TrainingFailed: if memory runs out and the batch cannot be divided further.
        """
        update = self.update
        if update.before is not None:
            keyed = rng.at("before")
            with torch.no_grad(), ambient(keyed), exchanging(self.backend):
                update.before(self.model, batch, keyed)
        logged, sums = self._gradients_within_memory(batch, rng)
        if first:
            self._check_gradients()
        if self.plan.clip is not None:
            nn.utils.clip_grad_norm_(self.parameters, self.plan.clip)
        if self.gradient_noise:
            add_noise(zip(self.names, self.parameters), self.gradient_noise, step, rng)
        self.optimizer.param_groups[0]["lr"] = self.plan.lr * self.plan.schedule(progress)
        self.optimizer.step()
        if update.after is not None:
            with torch.no_grad():
                update.after(self.model, logged | sums, progress)
        return logged

    def _gradients_within_memory(self, batch: Batch, rng: Rng) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Computes the gradients, in as few micro-batches as fit into memory.

        When memory runs out, only this is repeated. `before` has already moved the chains, and earlier
        updates of the step have changed their parameters: these must not run twice. A loss is pure and its
        draws are keyed by row, so that smaller parts use the same noise and the step equals that of
        `accumulate` from the start. The exception, the statistics of batch normalization, couples the rows
        and is never divided.
        """
        while True:
            self.optimizer.zero_grad(set_to_none=True)
            try:
                return self._gradients(batch, rng)
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error):
                    raise
            # outside the handler, within which the error would keep the graph in memory
            self._split(len(batch))

    def _split(self, rows: int) -> None:
        """Doubles the number of micro-batches of all further steps.

        Raises:
            TrainingFailed: if that is not possible.
        """
        was, coupled = -(-rows // self.accumulate), coupling(self.model, self.update)
        why = None
        if coupled:
            why = f"{coupled}, so that it cannot be split: use a batch_size smaller than {rows}"
        elif was == 1:
            why = "a micro-batch is one row already: use a smaller model, or a device with more memory"
        elif self.backend.world > 1:
            more = train_with(accumulate=2 * self.accumulate)
            why = Phrase(f"several processes do not split a batch on the way: use {more}", more)
        if why:
            raise TrainingFailed(
                f"update {self.update.name!r} ran out of memory at {was} rows, and {why}; the last good "
                "checkpoint is kept.",
                why,
            )
        self.optimizer.zero_grad(set_to_none=True)
        release(self.backend.device)
        self.accumulate = min(2 * self.accumulate, rows)
        parts, now = self.accumulate, -(-rows // self.accumulate)
        log.warning("out of memory at %d rows: going on with %d micro-batches of %d", was, parts, now)

    def _gradients(self, batch: Batch, rng: Rng) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Computes the gradients; returns the means of the terms and the sums of the statistics."""
        n = self.accumulate
        cuts = [len(batch) * i // n for i in range(n + 1)]
        parts = [batch] if n == 1 else [batch.part(a, b) for a, b in pairwise(cuts)]
        totals = Totals.of(self.update, parts, self.backend)
        logged: dict[str, Tensor] = {}
        statistics = Statistics(self.update.name)
        for i, part in enumerate(parts):
            with self.backend.unsynchronized(self.loss, active=i < n - 1):
                loss, log, sums = self.loss(Held(part, rng if n == 1 else rng.on(part)))
                share = len(part) / len(batch)
                objective, means = reduce_terms(
                    self.update, Terms(loss, log), part, totals, share, self.backend
                )
                self.backend.backward(objective)
            for name, value in means.items():
                logged[name] = logged[name] + value if name in logged else value
            statistics.add(sums, means)
        return self._averaged(logged, set(loss)), statistics.summed(self.backend)

    def _averaged(self, logged: dict[str, Tensor], losses: set[str]) -> dict[str, Tensor]:
        """Returns the terms averaged over processes; raises FloatingPointError if the loss is not finite."""
        if self.backend.world > 1:
            stacked = torch.stack([to_float64(value) for value in logged.values()])
            logged = dict(zip(logged, self.backend.sum(stacked) / self.backend.world))
        total = sum(value for name, value in logged.items() if name in losses)
        if not math.isfinite(float(total)):
            bad = next((n for n, v in logged.items() if not math.isfinite(float(v))), "the sum")
            raise FloatingPointError(bad)
        return logged

    def _check_gradients(self) -> None:
        """Raises ValueError if a parameter has no gradient."""
        lost = [name for name, p in zip(self.names, self.parameters) if p.grad is None]
        if lost:
            raise ValueError(
                f"the loss of update {self.update.name!r} never touches parameter {lost[0]!r}"
                f"{f' and {len(lost) - 1} more' if lost[1:] else ''}: leave it out of "
                f"params={self.update.params}."
            )

    # ---- checkpoints

    def state(self) -> dict[str, Tensor]:
        """Returns the tensors of the optimizer, named by parameter."""
        packed: dict[int, dict[str, Any]] = self.optimizer.state_dict()["state"]
        return {
            f"{self.names[i]}|{key}": value
            for i, entries in packed.items()
            for key, value in entries.items()
            if isinstance(value, Tensor)
        }

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Restores the tensors of the optimizer.

        Args:
            tensors: tensors by name, from `state`.

        Raises:
            ValueError: if a tensor is missing, unknown or of another shape.
        """
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            parameter, _, key = name.rpartition("|")
            if parameter not in self.names:
                raise ValueError(
                    f"the checkpoint holds optimizer state of {parameter!r}, which update "
                    f"{self.update.name!r} does not move: the run was made by another model."
                )
            state.setdefault(self.names.index(parameter), {})[key] = value
        if state:
            self._check(state)
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state, "param_groups": groups})

    def _check(self, state: dict[int, dict[str, Tensor]]) -> None:
        """Raises ValueError if the state does not have the tensors and shapes of this optimizer."""
        like = nn.Parameter(torch.zeros(1))
        like.grad = torch.zeros(1)
        probe = self.plan.build([like])
        probe.step()
        wanted = {key for key, value in probe.state.get(like, {}).items() if isinstance(value, Tensor)}
        for i, entries in state.items():
            shapes = (torch.Size(), self.parameters[i].shape)
            if entries.keys() != wanted or any(value.shape not in shapes for value in entries.values()):
                raise ValueError(
                    f"the checkpoint's state of the optimizer for {self.names[i]!r} is damaged: train again."
                )
