"""`simulacra score RUN FILE`: log-probabilities of new rows, beside the rows themselves."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from simulacra.cli.methods.columns import add_columns, check_table
from simulacra.cli.methods.request import Request, told
from simulacra.cli.options.command import call
from simulacra.cli.output import shown

if TYPE_CHECKING:
    from simulacra.core.model import Model
    from simulacra.core.scores.estimate import Estimate
    from simulacra.data.new_rows.chunk import Chunk

log = logging.getLogger("simulacra")


def run(words: Sequence[str]) -> int:
    """Runs `simulacra score` with the given command-line words."""
    with shown():
        return call("score", score, words, more=told(score))


def score(
    run: str,
    file: str,
    *,
    out: str = "-",
    condition: str | None = None,
    k: int = 1000,
    seed: int = 0,
    escape_formulas: bool = False,
) -> int:
    """Score new rows by a trained model: the rows with log p(x) in nats, higher is likelier.

    Three columns follow those of the file: `log_prob` in nats,
    `anomaly_score` (minus that: higher is stranger) and `log_prob_kind`, which says if it is exact or a bound
    (lower, upper, stochastic). A model that is scored by importance samples adds a fourth,
    `effective_samples`: how many of the k samples count. Where few do, the bound may be loose by many nats.

    Args:
        run: run folder or saved model.
        file: a table, an array file, images or recordings in a folder or one file, for texts a .txt file; -
            for a .csv table on standard input.
        out: a .csv file; - for standard output.
        condition: the column with the condition of each row, or one class or number for all, or a file with
            one for each row; by default the column of labels that the run recorded.
        k: number of importance samples, for models without a density.
        seed: seed of the importance samples; a row's score depends on the row and the seed alone.
        escape_formulas: an apostrophe before names of files that a spreadsheet would compute.

    Raises:
        ValueError: if the model has no likelihood, or the file does not fit it.
    """
    request = Request("score", run, file, out, condition, escape_formulas)
    check_table(request)
    if k < 1:
        raise ValueError(f"--k is {k}, but the bound needs at least one importance sample.")
    model, rows = request.opened(leaves_out)
    from simulacra.core.capabilities.general import HasImportanceWeights
    from simulacra.core.scores.few_samples import FewSamples

    total, counted = Total(), FewSamples(k)
    weighted = model.supports(HasImportanceWeights)

    def answers(chunk: Chunk) -> dict[str, list[Any]]:
        found = model.log_prob(chunk.x, chunk.c, k, seed, chunk.known, chunk.lengths)
        total.add(found)
        counted.add(found.effective)
        values = found.values.tolist()
        kinds = [found.kind] * len(values)
        cells = {"log_prob": values, "anomaly_score": [-value for value in values], "log_prob_kind": kinds}
        return {**cells, "effective_samples": effective_cells(found)} if weighted else cells

    n = add_columns(request, rows, answers)
    code = request.concluded(rows, n, f"{total}, seed {seed}")
    if counted.few:
        log.warning(
            "%s: their scores may be too low by many nats; add --k %d to tighten them", counted, 10 * k
        )
    return code


def effective_cells(found: Estimate) -> list[float | None]:
    """Returns the effective number of samples of each row, to a tenth; None where a score is exact.

    Args:
        found: scores of a chunk.
    """
    if found.effective is None:
        return [None] * len(found.values)
    return [None if math.isnan(n) else round(n, 1) for n in found.effective.tolist()]


def leaves_out(model: Model) -> bool:
    """Returns True if the model can leave missing entries out.

    Args:
        model: the loaded model.
    """
    from simulacra.core.capabilities import general as can

    return any(map(model.supports, can.LEAVES_OUT))


class Total:
    """Mean and standard error of scores that come in chunks."""

    def __init__(self) -> None:
        self.n, self.mean, self.squares = 0, 0.0, 0.0
        self.kinds: dict[str, None] = {}
        self.methods: dict[str, None] = {}
        self.name = "log p(x)"

    def add(self, found: Estimate) -> None:
        """Adds the scores of a chunk."""
        m, mean = len(found.values), found.mean
        squares = float((found.values - mean).square().sum())
        step, n = mean - self.mean, self.n + m
        self.squares += squares + step**2 * self.n * m / n
        self.mean, self.n = self.mean + step * m / n, n
        self.kinds[found.kind] = self.methods[found.method] = None
        self.name = "log p(x|c)" if found.conditional else "log p(x)"

    def __str__(self) -> str:
        from simulacra.core.scores.estimate import SIGNS

        if not self.n:
            return "no scores"
        sign = SIGNS[next(iter(self.kinds))] if len(self.kinds) == 1 else "~"
        error = f" +- {math.sqrt(self.squares / (self.n - 1) / self.n):.2f}" if self.n > 1 else ""
        return f"mean {self.name} {sign} {self.mean:.2f}{error} nats ({'; '.join(self.methods)})"
