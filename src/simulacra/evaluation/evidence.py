"""What is measured of a model once, for the report and the doctor alike."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from simulacra.core import capabilities as can
from simulacra.core.artifact import CONFIG, WEIGHTS
from simulacra.core.composite import Fields
from simulacra.core.estimate import Estimate
from simulacra.core.files import read_json
from simulacra.core.model import Model
from simulacra.core.space import Space
from simulacra.data.dataset import Dataset, Split
from simulacra.data.toys import Modes
from simulacra.evaluation.annealing import DEFAULT, Annealing, Bracket
from simulacra.evaluation.chains import Mixing, chains_of, mixing
from simulacra.evaluation.classification import Classification, classification
from simulacra.evaluation.constants import Constant, constant_columns
from simulacra.evaluation.fidelity import Fidelity, fidelity
from simulacra.evaluation.implicit import Judging, NotScored, modes_found, sample_scores
from simulacra.evaluation.latents import ActiveUnits, AggregateKL, active_in, decompose, posteriors
from simulacra.evaluation.likelihood import Likelihood, fits, has_likelihood, likelihoods
from simulacra.evaluation.memorisation import Memorisation, memorisation
from simulacra.evaluation.neighbours import neighbour_accuracy
from simulacra.evaluation.quality import ModesFound, SampleQuality, Skipped
from simulacra.evaluation.reconstruction import Reconstruction, reconstruction
from simulacra.evaluation.rows import chosen, count, samples_like
from simulacra.evaluation.samples import SampleScore, mmd
from simulacra.evaluation.spread import Spread, spread
from simulacra.evaluation.table_report import TableReport, table_evidence
from simulacra.evaluation.tables.kept import Kept
from simulacra.evaluation.tasks import Found, tasks
from simulacra.evaluation.units import Layer, dead_units
from simulacra.evaluation.vitals import Vitals, vitals

ROWS = 2000  # rows of the quadratic scores and of the training split's score
DRAWS = 16  # importance samples of an ELBO whose mean alone matters

Metrics = Sequence[Mapping[str, str]]


@dataclass
class Evidence:
    """What the capabilities of a model allow to measure; the rest is None.

    Args:
        likelihood: of the rows asked for.
        held_out: a score of held-out rows, to be compared with `training`.
        training: the same score of as many training rows.
        k: importance samples.
        units: which numbers of the code are used.
        kl: where the aggregate posterior lies.
        memorisation: samples beside training rows.
        samples: MMD, for models without a likelihood.
        quality: scores of samples in the features of an extractor, for models without a likelihood or where
            they were asked for; or why there are none.
        reconstruction: what survives the code.
        classes: wrong labels, where the model classifies.
        vitals: what the model says of itself, where it can tell.
        discrete: share of the values with a density that occur more than once; None where none has one.
        constant: columns of real-valued training rows that are constant.
        modes: of a known truth, those that samples show.
        neighbour: share of samples and rows that their nearest neighbours tell apart, for games.
        layers: of hidden units, and how many of each are dead.
        mixing: of the model's chains.
        spread: how wide and how sharp the decoder is.
        fidelity: PSNR and SSIM of reconstructed images.
        tasks: scores by tasks, where they were asked for.
        kept: what samples kept of the columns, pairs and classes of a table.
        tables: the report of a table, where it was asked for.
        metrics: rows of the training's metrics file.
        best_kept: whether the weights are those of the best validation score.
        interrupted: whether an interrupt left out what is not there.
    """

    likelihood: Likelihood | None = None
    held_out: Estimate | None = None
    training: Estimate | None = None
    k: int = 1
    units: ActiveUnits | None = None
    kl: AggregateKL | None = None
    memorisation: Memorisation | None = None
    samples: SampleScore | None = None
    quality: SampleQuality | Skipped | None = None
    reconstruction: Reconstruction | None = None
    classes: Classification | None = None
    vitals: Vitals | None = None
    discrete: float | None = None
    constant: Constant | None = None
    modes: ModesFound | None = None
    neighbour: float | None = None
    layers: list[Layer] = field(default_factory=list)
    mixing: Mixing | None = None
    spread: Spread | None = None
    fidelity: Fidelity | None = None
    tasks: Found | None = None
    kept: Kept | None = None
    tables: TableReport | None = None
    metrics: Metrics = ()
    best_kept: bool = False
    interrupted: bool = False


def collect(
    model: Model,
    data: Dataset,
    split: str = "test",
    k: int = 1000,
    seed: int = 0,
    limit: int | None = None,
    metrics: Metrics = (),
    n: int = 1000,
    annealing: Annealing = DEFAULT,
    judging: Judging | None = None,
    by_tasks: bool = False,
    best_kept: bool = False,
    by_tables: bool = False,
) -> Evidence:
    """Measure what the model's capabilities allow on `split`.

    Args:
        k: importance samples of the bound.
        limit: use only so many rows, chosen at random.
        metrics: rows of the training's metrics file.
        n: number of samples to draw.
        annealing: how log Z of an energy is bracketed.
        judging: how samples are scored in features; None: as usual, where there is no likelihood.
        by_tasks: score by tasks as well, which takes up to minutes.
        best_kept: whether training ended with its best weights.
        by_tables: take all measures of a table, which takes seconds.

    Raises:
        ValueError: if model and data do not fit, or the samples cannot be scored as `judging` says.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("ring")
        >>> found = collect(simulacra.PPCA(data.space, latent=1), data, n=50, limit=50)
        >>> found.likelihood.estimate.kind, found.kl
        ('exact', None)
    """
    fits(model, data)
    rows = data[split]
    found = Evidence(k=k, metrics=metrics, best_kept=best_kept, discrete=repeated_values(data, rows))
    with noted(found):
        # first, so that what cannot be done is said before the minutes that the rest may take
        found.quality = _quality(model, data, split, seed, limit, judging)
        if has_likelihood(model):
            found.likelihood = likelihoods(model, data, split, k, seed, limit, annealing=annealing)
            found.held_out = found.likelihood.elbo or found.likelihood.estimate
            if found.likelihood.interrupted:
                raise KeyboardInterrupt
            if split != "train":
                found.training = _training_score(model, data, found.likelihood, seed, annealing)
        if model.supports(can.Classifies):
            found.classes = classification(model, data, split, seed, limit)
        if model.supports(can.HasPosterior):
            q = posteriors(model, rows, seed, min(ROWS, count(rows, limit)))
            found.kl = decompose(q, seed=seed)
            found.units = active_in(q) if len(q.loc) > 1 else None
        if model.supports(can.Encodes) and model.supports(can.Decodes):
            found.reconstruction = reconstruction(model, data, split, seed, limit)
            found.fidelity = _fidelity(model, data, split, seed, limit)
        if by_tasks:
            found.tasks = tasks(model, data, split, seed, limit)
        _inside(found, model, data, split, seed, limit)
        if model.supports(can.Samples):
            _drawn(found, model, data, split, seed, limit, n)
            if split != "train" and isinstance(data.preprocessing.raw, Fields):
                found.kept, found.tables = table_evidence(model, data, split, n, seed, limit, by_tables)
    return found


def _inside(found: Evidence, model: Model, data: Dataset, split: str, seed: int, limit: int | None) -> None:
    """What only the doctor asks for: units, chains, and widths."""
    found.constant = constant_columns(model, data, seed)
    found.layers = dead_units(model, data, split, seed, limit)
    found.spread = spread(model, data, split, seed, limit)
    if chains_of(model):
        found.mixing = mixing(model, data, split, seed)
    if model.supports(can.HasVitals):
        found.vitals = vitals(model, data, split, seed, limit)
        found.neighbour = neighbour_accuracy(model, data, split, seed, limit)


def _drawn(
    found: Evidence, model: Model, data: Dataset, split: str, seed: int, limit: int | None, n: int
) -> None:
    """What samples show."""
    rows = data[split]
    # distances between rows need whole ones
    if split != "train" and data.train.known is None and rows.known is None:
        found.memorisation = memorisation(model, data, split, n, seed, limit)
    if isinstance(data.truth, Modes):
        found.modes = modes_found(data.truth, samples_like(model, rows, n, seed).cpu(), rows.x)
    if not has_likelihood(model):
        found.samples = mmd(model, data, split, min(n, count(rows, limit)), seed)


def _fidelity(model: Model, data: Dataset, split: str, seed: int, limit: int | None) -> Fidelity | None:
    """PSNR and SSIM, where rows are whole images of a known range and there are enough of them."""
    if not data.preprocessing.raw.image or data[split].known is not None:
        return None
    try:
        return fidelity(model, data, split, seed, limit)
    except NotScored:
        return None


def _quality(
    model: Model, data: Dataset, split: str, seed: int, limit: int | None, judging: Judging | None
) -> SampleQuality | Skipped | None:
    """Scores of samples: a reason instead where nobody asked for them and the data do not allow them."""
    if judging is not None:
        return sample_scores(model, data, split, judging.samples, judging.extractor, seed, limit)
    if has_likelihood(model) or not model.supports(can.Samples):
        return None
    try:
        return sample_scores(model, data, split, seed=seed, limit=limit)
    except NotScored as reason:
        return Skipped(str(reason))


def _training_score(
    model: Model, data: Dataset, held_out: Likelihood, seed: int, annealing: Annealing
) -> Estimate:
    """The same kind of score of training rows, as many as were held out."""
    limit = min(ROWS, len(held_out.estimate.values), len(data.train))
    # several laws are those of their rows
    known = held_out.bracket if isinstance(held_out.bracket, Bracket) else annealing
    found = likelihoods(model, data, "train", DRAWS, seed, limit, annealing=known)
    return found.elbo or found.estimate


@contextlib.contextmanager
def noted(found: Evidence) -> Iterator[None]:
    """An interrupt within leaves what was measured, and says so."""
    try:
        yield
    except KeyboardInterrupt:
        found.interrupted = True


def repeated_values(data: Dataset, rows: Split, limit: int = ROWS) -> float | None:
    """Share of the known values with a density that occur again in their column: near 1 for rounded data.

    None where no entry of the raw space has a density, or levels of it are scored.
    """
    at = _with_density(data.preprocessing.raw)
    if not at or data.space.discrete:
        return None
    some = rows.rows(chosen(rows, limit))
    x, known = some.x.flatten(1), None if some.known is None else some.known.flatten(1)
    columns = [x[:, i] if known is None else x[known[:, i], i] for i in at]
    values = sum(map(len, columns))
    return (values - sum(len(column.unique()) for column in columns)) / max(values, 1)


def _with_density(space: Space) -> list[int]:
    """Numbers of the flattened entries that are measured by their volume, not counted."""
    parts = [field for _, field in space.fields] if isinstance(space, Fields) else [space]
    continuous = [not part.discrete for part in parts for _ in range(part.dims)]
    return [i for i, dense in enumerate(continuous) if dense]


def read_metrics(folder: Path | str | None) -> Metrics:
    """Rows of `metrics.csv` in a run folder; none where there is no such file."""
    path = Path(folder) / "metrics.csv" if folder is not None else None
    if path is None or not path.is_file():
        return ()
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def keeps_best(folder: Path | str | None) -> bool:
    """Whether the run in a folder came to its end with `patience`, and so with its best weights."""
    if folder is None or not all((Path(folder) / name).is_file() for name in (CONFIG, WEIGHTS)):
        return False
    # a damaged configuration is said where the scores are recorded in it
    with contextlib.suppress(ValueError):
        return bool(read_json(Path(folder) / CONFIG).get("options", {}).get("patience"))
    return False
