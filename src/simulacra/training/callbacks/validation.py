"""Validation: the mean log-density or bound of held-out rows, and the best weights so far."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from typing import cast

from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.core.interface import evaluating
from simulacra.core.model import Model
from simulacra.core.numerics.precision import narrowed, to_float64
from simulacra.core.progress.estimates import estimated
from simulacra.core.progress.tasks import stage
from simulacra.core.random.keyed import Rng, some_of
from simulacra.core.scores.likelihood import has_exact, observed
from simulacra.data.dataset import Split
from simulacra.training.callbacks.stopping import at_once
from simulacra.training.hardware.backend import Backend
from simulacra.training.hardware.memory import out_of_memory, release
from simulacra.training.options import Options
from simulacra.training.state import checkpoint as ck
from simulacra.training.state.ema import Ema

CHUNK = 1024  # rows that are scored at once
ROWS, FEW = 4096, 64  # largest number of scored rows; number of rows from which the time is predicted
PASSES = 16  # terms of a bound that has one for each step of noise
log = logging.getLogger("simulacra")


class Validator:
    """Scores the validation split after each epoch and, with `patience`, keeps the best weights.

    Args:
        model: model in training.
        valid: validation split, whose batches are on the backend's device, or None.
        options: training options.
        backend: one process or several.

    Raises:
        ValueError: if early stopping is requested, but model or data give no score.
    """

    def __init__(self, model: Model, valid: Split | None, options: Options, backend: Backend):
        self.model, self.options, self.backend = model, options, backend
        self.active = can_validate(model, valid, options)
        self.valid = valid
        self.best: dict[str, Tensor] = {}
        self.chunk = CHUNK

    def judge(self, position: ck.Position, ema: Ema | None) -> float:
        """Scores the validation split and updates the best score.

        Args:
            position: state of training, in which the score is noted.
            ema: averaged weights, which are scored in place of the model's; None: there are none.

        Returns:
            mean log-density or bound, in nats.
        """
        assert self.valid is not None
        with ema.installed() if ema else nullcontext():
            score = self._score(self.valid)
            if position.best is None or score > position.best:
                position.best, position.best_epoch, position.worse = score, position.epoch, 0
                if self.options.patience:
                    whole = ck.whole_state(self.model, self.backend)
                    self.best = {name: t.detach().clone() for name, t in whole.items()}
            else:
                position.worse += 1
        if self.enough(position):
            log.info(
                "stopped early after epoch %d: best validation score %.4f", position.epoch, position.best
            )
        return score

    def _score(self, valid: Split) -> float:
        """Returns the score, halving the chunks when memory runs out; noise is keyed by row."""
        while True:
            try:
                # a single process may stop at once, as nothing has changed; several stop at the same step
                with at_once(self.backend.world == 1):
                    return validation_score(self.model, valid, self.options.seed, chunk=self.chunk)
            except (RuntimeError, MemoryError) as error:
                # with several processes, other chunks could change the last digit and the epoch of stopping
                if not out_of_memory(error) or self.chunk == 1 or self.backend.world > 1:
                    raise
            release(self.backend.device)
            self.chunk //= 2
            log.warning("out of memory at %d validation rows: going on with %d", 2 * self.chunk, self.chunk)

    def seconds(self) -> float:
        """Returns the predicted seconds of a score; 0 if there is none."""
        if not self.active or self.valid is None or self.backend.world > 1:
            return 0.0
        rows = min(len(self.valid), ROWS)
        few = min(rows, FEW)
        timed = lambda: validation_score(self.model, self.valid, self.options.seed, few)
        return estimated(timed) * rows / few

    def enough(self, position: ck.Position) -> bool:
        """Returns True if training should stop early."""
        return bool(self.options.patience) and position.worse >= cast(int, self.options.patience)

    def install(self) -> bool:
        """Puts the best weights into the model; returns False if there are none."""
        if not self.best:
            return False
        ck.restore(self.model, self.best, self.backend)
        self.best = {}
        return True


def can_validate(model: Model, valid: Split | None, options: Options) -> bool:
    """Returns True if the validation split is scored after each epoch.

    Args:
        model: the model.
        valid: validation split, or None.
        options: training options.

    Raises:
        ValueError: if early stopping is requested, but model or data give no score.
    """
    scores = model.supports(can.HasDensity) or model.supports(can.HasBound)
    wanted = bool(options.patience) or bool(options.validate)
    if wanted and not scores:
        raise ValueError(
            f"{type(model).__name__} gives no validation score (it has neither density nor bound), so "
            "patience and validate do not apply."
        )
    if wanted and valid is None:
        share = load_with(validation=0.1)
        raise Refusal(f"there is no validation split to stop on: load the data with {share}.", share)
    return scores and valid is not None and options.validate is not False


def validation_score(model: Model, valid: Split, seed: int, limit: int = ROWS, chunk: int = CHUNK) -> float:
    """Returns the mean log-density or one-sample bound of validation rows in nats.

    Of a bound with a term for each step of noise, 16 terms are computed.

    Args:
        model: the model.
        valid: validation split.
        seed: seed of the choice of rows and of all draws; both are the same each time.
        limit: largest number of rows.
        chunk: number of rows that are scored at once.
    """
    rng = Rng(seed, "validation", device=model.device)
    chosen = some_of(len(valid), limit, rng)
    total, n = 0.0, len(chosen)
    with evaluating(model), stage("validation", n, "row") as progress:
        for i in range(0, n, chunk):
            batch = valid.rows(chosen[i : i + chunk])
            progress.part = len(batch.x)
            keyed = rng.by_content(batch.x, batch.known)
            x, log_det = valid.preprocessing.forward(batch.x, keyed, batch.known)
            x = narrowed(x, model.dtype) if x.is_floating_point() else x
            c = valid.conditions(batch, model.device)
            if has_exact(model, batch.known):
                values = can.able(model, can.HasDensity).log_density(x, c, **observed(batch.known))
            elif model.supports(can.HasNoising):
                values = can.able(model, can.HasNoising).brief_bound(x, c, keyed, PASSES)
            else:
                values = can.able(model, can.HasBound).elbo(x, c, keyed, **observed(batch.known))
            total += float((to_float64(values) + log_det).sum())
            progress.advance(progress.part)
    return total / n
