"""Requirements of measures on a model and its data."""

from __future__ import annotations

from simulacra.core.capabilities import general as can
from simulacra.core.capabilities.chains import stationary
from simulacra.core.corruption.corruption import numeric
from simulacra.core.methods.targets import targets_of
from simulacra.core.numerics.volumes import is_solid
from simulacra.core.spaces.composite import Table
from simulacra.data.toys import Modes
from simulacra.evaluation.captions.agreement import captioned
from simulacra.evaluation.likelihood.held_out import has_likelihood
from simulacra.evaluation.likelihood.relative import has_relative
from simulacra.evaluation.measures.measure import Need
from simulacra.evaluation.pairs.translated import of_pairs
from simulacra.evaluation.rows import count
from simulacra.evaluation.tasks.validity import check_of

SAMPLES = Need("a model that samples", lambda case: case.can(can.Samples))
TWO_ROWS = Need("two rows to compare with", lambda case: count(case.rows, case.limit) > 1)
PRIOR = Need("a model with a prior", lambda case: case.can(can.HasPrior))
POSTERIOR = Need("a model with a Gaussian posterior", lambda case: case.can(can.HasPosterior))
OTHER_CODE = Need("a code that is no Gaussian", lambda case: not case.can(can.HasPosterior))
CODED = Need("a model that encodes and decodes with an error", lambda case: can.reconstructs(case.model))
RATED = Need("a model with rates", lambda case: case.can(can.HasRates))
NOISING = Need("a model with steps of noise", lambda case: case.can(can.HasNoising))
CLASSIFIES = Need("a model that classifies", lambda case: case.can(can.Classifies))
PREDICTS = Need("a model that predicts", lambda case: case.can(can.Predicts))
DENOISES = Need("a model that denoises", lambda case: case.can(can.Denoises))
NUMBERS = Need("rows of 0/1, levels or real numbers", lambda case: numeric(case.data.preprocessing.raw))
VITALS_OF = Need("a model with diagnostics", lambda case: case.can(can.HasDiagnostics))
CHAINED = Need("a model with a stationary Markov chain", lambda case: stationary(case.model))
SCORED = Need("a likelihood or a bound", lambda case: has_likelihood(case.model))
IMPLICIT = Need("a model without a likelihood", lambda case: not has_likelihood(case.model))
RELATIVE = Need("a score", lambda case: has_relative(case.model))
HELD_OUT = Need("a split that is not the training split", lambda case: case.split != "train")
VALID = Need("a validation split", lambda case: case.split == "valid")
TABLES = Need("a table", lambda case: isinstance(case.data.preprocessing.raw, Table))
MODES_OF = Need("data of known modes", lambda case: isinstance(case.data.truth, Modes))
TRAINED = Need("a run", lambda case: case.history is not None)
IMAGES = Need(
    "images without missing entries",
    lambda case: case.data.preprocessing.raw.image and case.rows.known is None,
)
VOLUMES = Need("volumes of 0/1", lambda case: is_solid(case.data.preprocessing.raw))
LANGUAGE = Need("texts whose validity can be checked", lambda case: check_of(case.data) is not None)
WHOLE = Need(
    "rows without missing entries",
    lambda case: case.data.train.known is None and case.rows.known is None,
)
CONDITIONED = Need(
    "a model with a condition",
    lambda case: case.can(can.TakesCondition) and case.model.condition is not None,
)
CAPTIONED = Need("a model that draws pictures from captions", lambda case: captioned(case.model))
LEADS = Need("a model that translates to classes", lambda case: targets_of(case.model) is not None)
UNSAMPLED = Need("a model that does not sample", lambda case: not case.can(can.Samples))
TRANSLATES = Need("a model that translates its condition", lambda case: of_pairs(case.model))
LABELLED = Need(
    "a condition that translations do not show",
    lambda case: not (of_pairs(case.model) and NUMBERS.met(case) and WHOLE.met(case)),
)
