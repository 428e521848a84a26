"""No check says `ok` of rows too few to see its fault, and each says what it measured."""

import ast
import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import simulacra
from simulacra.core.distributions.elementary import Gaussian
from simulacra.core.scores.estimate import Estimate
from simulacra.evaluation.diagnostics.condition import ConditionUse
from simulacra.evaluation.diagnostics.dead_units import Layer
from simulacra.evaluation.diagnostics.noising import StepsBack
from simulacra.evaluation.diagnostics.shared_rows import SharedRows
from simulacra.evaluation.diagnostics.state import Diagnostics
from simulacra.evaluation.doctor import diagnose as registry
from simulacra.evaluation.doctor.checks.conditions import ignored
from simulacra.evaluation.doctor.diagnose import CHECKS, diagnose
from simulacra.evaluation.domains.crossed import Crossed
from simulacra.evaluation.interval import mean_of
from simulacra.evaluation.latents.against_mean import AgainstMean
from simulacra.evaluation.latents.codes import Codes, active_in, decompose
from simulacra.evaluation.latents.rates import Rates
from simulacra.evaluation.latents.spread import Spread
from simulacra.evaluation.likelihood.held_out import Likelihood
from simulacra.evaluation.measures import checked, noising
from simulacra.evaluation.measures import registry as measures
from simulacra.evaluation.measures.domains import CROSSED
from simulacra.evaluation.measures.history import History
from simulacra.evaluation.measures.measure import Evidence
from simulacra.evaluation.measures.pairs import HEEDING
from simulacra.evaluation.measures.row_scores import Generalization
from simulacra.evaluation.pairs.heeding import Heeding, Share, Shown
from simulacra.evaluation.samples.cells import Cells
from simulacra.evaluation.samples.memorization import Memorization
from simulacra.evaluation.samples.mmd import SampleScore
from simulacra.evaluation.tables.fidelity import LostClass
from simulacra.evaluation.tables.kept_columns import Kept, KeptColumn, KeptPair

RAISED = ("warning", "note")


def estimate(mean, n):
    return Estimate(torch.linspace(-1, 1, n, dtype=torch.float64) + mean, "lower", 10, "ELBO")


def codes(n, spread=1.0, log_scale=-2.0):
    g = torch.Generator().manual_seed(0)
    q = Gaussian(spread * torch.randn(n, 3, generator=g).double(), torch.full((n, 3), log_scale).double(), 1)
    return Codes(decompose(q), active_in(q))


def distances(n, m):
    """Samples as far from training rows as held-out rows are."""
    of = lambda k: torch.linspace(1, 2, k, dtype=torch.float64)
    which = torch.arange(n)
    return Memorization(of(n), which, of(m), of(n), which, 500)


def kept(chance):
    column, pair = KeptColumn("a", 0.97, 0.97, chance), KeptPair(("a", "b"), 0.9, 0.9, 0.9, chance)
    return Kept((column,), (pair,), (), 3, 1000, 1000)


def score(n, **more):
    return Likelihood(estimate(-50.0, n), effective=torch.full((n,), 400.0), k=1000, **more)


def gain(n):
    at = SimpleNamespace(corruption="noise", gain=mean_of(torch.linspace(0, 4, n)))
    return SimpleNamespace(trained=at, rows=n)


def rows(values):
    return History([{"epoch": str(i), "valid_score": str(v)} for i, v in enumerate(values)])


def heeded(n):
    shown = Shown("the source itself", 9.0, 1.0, 0.1)
    return Heeding(n, Share(0.4, 0.02), 1e-3 / n, 1e-4, (shown,), 1.2, 2.0, Share(1.2, 0.1), True)


def crossed(n):
    """Translations that vary and change their sources."""
    one = mean_of(torch.linspace(0.8, 1, n))
    return Crossed("test", 0, n, ("a", "b"), "judge", "d", *[one] * 7, (0.9, 1.0))


def bracket(n):
    return type("B", (), {"doubts": [], "chains": n, "__str__": lambda self: "log Z"})()


# by check: what many rows and few rows give, in which nothing is wrong
CASES = {
    "collapse": (measures.CODES, codes(300), codes(3)),
    "unused": (measures.CODES, codes(300), codes(3)),
    "mismatch": (measures.CODES, codes(300, 0.3, 0.0), codes(3, 0.3, 0.0)),
    "_without_rate": (
        measures.RATES,
        Rates(("z",), (2.0,), (0.1,), 2.0, 0.1, 300),
        Rates(("z",), (2.0,), (0.9,), 2.0, 0.9, 4),
    ),
    "_idle_parts": (
        measures.RATES,
        Rates(("a", "b"), (2.0, 1.0), (0.1, 0.1), 3.0, 0.1, 300),
        Rates(("a", "b"), (2.0, 0.05), (0.1, 0.9), 2.05, 0.1, 300),
    ),
    "reconstructions": (
        checked.AGAINST_MEAN,
        AgainstMean(0.5, 1.0, 0.02, 100),
        AgainstMean(0.5, 1.0, 0.2, 3),
    ),
    "worse_than_noisy": (measures.DENOISING, gain(200), gain(3)),
    "copying": (measures.MEMORIZATION, distances(1000, 200), distances(1000, 10)),
    "missing_modes": (checked.CELLS, Cells(10, (), 1000), Cells(10, (), 40)),
    "samples_off": (
        measures.SAMPLE_SCORE,
        SampleScore(0.001, 0.001, 0.4, 100, (1.0,)),
        SampleScore(1.32, 0.188, 0.33, 2, (1.0,)),
    ),
    "overfitting": (
        measures.GENERALIZATION,
        Generalization(estimate(-9.0, 400), estimate(-9.0, 400)),
        Generalization(estimate(-9.0, 4), estimate(-9.0, 4)),
    ),
    "past_best": (
        measures.HISTORY,
        rows([-30.0, -29.0, -28.5, -28.4, -28.3, -28.2]),
        rows([-30.0, -20.0, -29.0, -19.0, -31.0, -20.0]),
    ),
    "terms": (
        measures.HISTORY,
        History([{"loss": "3"}] * 9),
        History([{"loss": "3"}] * 3),
    ),
    "importance": (measures.LIKELIHOOD, score(100), score(4)),
    "partition": (measures.LIKELIHOOD, score(100, bracket=bracket(30)), score(100, bracket=bracket(3))),
    "dead": (measures.LAYERS, [Layer("a", 0, 9)], None),
    "blur": (measures.SPREAD, Spread(1.0, 1.0, 0.9, 100), Spread(1.0, 1.0, 0.9, 3)),
    "signal_left": (noising.STEPS_BACK, StepsBack(0.0, 1.0, 21, 100), StepsBack(0.0, 1.0, 21, 3)),
    "variance": (noising.STEPS_BACK, StepsBack(0.0, 1.0, 21, 100), StepsBack(0.0, 1.0, 21, 3)),
    "trouble": (
        measures.DIAGNOSTICS,
        Diagnostics({"accuracy": 0.6}, None, 100),
        Diagnostics({"accuracy": 0.6}, None, 2),
    ),
    "discriminator": (
        measures.DIAGNOSTICS,
        Diagnostics({"accuracy": 0.6}, None, 100),
        Diagnostics({"accuracy": 0.6}, None, 2),
    ),
    "columns": (checked.ENTRIES, kept(0.1), kept(0.7)),
    "dependences": (checked.ENTRIES, kept(0.1), kept(0.7)),
    "classes": (
        measures.TABLE,
        SimpleNamespace(kept=kept(0.1)),
        SimpleNamespace(kept=Kept((), (), (LostClass("c", "x", 0.03, 100, 0.05),), 3, 100, 100)),
    ),
    "ignored": (
        checked.CONDITION,
        ConditionUse(1.0, 0.9, 0.02, True, 1.1, 500),
        ConditionUse(1.0, 0.9, 0.4, True, 1.1, 30),
    ),
    "ignored_source": (HEEDING, heeded(200), heeded(5)),
    "collapsed_translations": (CROSSED, crossed(200), crossed(2)),
    "copied_sources": (CROSSED, crossed(200), crossed(2)),
    "ignored_noise": (HEEDING, heeded(200), heeded(5)),
    "repeated": (checked.SHARED, SharedRows(0, 100, 0.0), SharedRows(0, 6, 0.0)),
}
# facts about weights, columns or options, which further rows would not change
FACTS = {"unbounded", "dead", "mixing", "averaged", "frozen", "exploding"}
# never `ok`, or of two measures, in a test of its own
OTHERS = {"length", "levels", "worse_than_mean"}


def test_every_check_of_the_registry_is_here():
    names = {check.__name__ for check in CHECKS}
    assert names == {name for name in CASES if not name.startswith("_")} | FACTS | OTHERS


def of(check, measure, found):
    """The finding of one check."""
    name = {"_without_rate": "collapse", "_idle_parts": "unused"}.get(check, check)
    (function,) = [one for one in registry.CHECKS if one.__name__ == name]
    return function(Evidence.of({} if found is None else {measure: found}))


@pytest.mark.fault("outside 1.w2a.D")
@pytest.mark.parametrize("check", [name for name in CASES if name not in FACTS])
def test_few_rows_are_never_said_to_be_well(check):
    measure, many, few = CASES[check]
    assert of(check, measure, many).severity == "ok"
    found = of(check, measure, few)
    assert found.severity == "unknown" and found.meaning.startswith("too few ") and "to tell" in found.meaning


def test_rounded_values_of_few_rows_need_not_recur():
    found = lambda n: {measures.LIKELIHOOD: Likelihood(estimate(-50.0, n)), measures.REPEATED: 0.0}
    said = [[f.severity for f in diagnose(Evidence.of(found(n)))] for n in (5, 100)]
    assert said == [["unknown"], ["ok"]]


def test_no_check_writes_an_ok_of_its_own():
    """`reach.well` alone makes one, and asks what could have been seen."""
    folder = Path(registry.__file__).parent / "checks"
    calls = [
        (path.name, node.lineno)
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value == "ok"
    ]
    assert calls == []


@pytest.mark.fault("outside 1.w2a.D")
@pytest.mark.parametrize("n", [2, 4, 9])
def test_samples_of_a_handful_of_rows_are_not_told(n):
    g = torch.Generator().manual_seed(n)
    x = torch.cat([torch.randn(200, 3, generator=g), torch.randn(n, 3, generator=g)])
    data = simulacra.from_tensors(x, simulacra.Real((3,)), valid=0.0, test=n / len(x))
    found = simulacra.evaluation.findings(simulacra.GAN(data.space, latent=2, hidden=(5,)), data)
    (samples,) = [f for f in found if f.name == "samples"]
    assert samples.severity != "ok"


@pytest.mark.fault("outside 1.w2b.5")
@pytest.mark.parametrize(("near", "copies"), [(380, 9), (0, 896), (200, 20)])
def test_copies_are_not_denied_by_ten_rows(near, copies):
    far = torch.full((1000,), 5.0, dtype=torch.float64)
    far[: near + copies] = 0.5
    far[:copies] = 0.0
    held = torch.linspace(0.7, 2, 10, dtype=torch.float64)
    which = torch.arange(1000)
    held[:3] = 0.0 if copies > 500 else held[:3]
    found = of("copying", measures.MEMORIZATION, Memorization(far, which, held, far, which, 80))
    assert found.severity != "ok" and "10 held-out rows" in found.normal


def blur(*numbers):
    return of("blur", measures.SPREAD, Spread(*numbers))


@pytest.mark.fault("outside 1.w2a.E")
def test_a_decoder_is_said_to_be_what_was_measured():
    assert "as wide as its errors" in blur(1.0, 1.1, None).meaning
    narrow = blur(0.394, 1.08, None)
    assert "as wide as its errors" not in narrow.meaning and "2.7 times" in narrow.meaning
    edges = blur(None, 1.0, 0.8)
    assert "wide" not in edges.meaning and "width" not in edges.normal and "edges" in edges.meaning


@pytest.mark.fault("outside 1.w2a.E")
@pytest.mark.parametrize("detail", [2.61, 4.88])
def test_edges_that_are_noise_are_not_kept_edges(detail):
    assert blur(1.0, 1.1, detail).severity == blur(None, 1.1, detail).severity == "note"


def test_the_limits_of_reach_are_what_they_say():
    two, ten = (SampleScore(0, 0, 1.0, n, (1.0,)) for n in (2, 10))
    assert two.smallest_chance == pytest.approx(2 / 6) and ten.smallest_chance == pytest.approx(1 / 201)
    found = distances(1000, 10)
    k = round(1000 * found.near_limit)
    chance = lambda near: found._near_probability(found.held_out) if near is None else near
    # the share that is left unseen: (1 - k / n)^m of the smallest of m distances
    assert (1 - k / 1000) ** 10 == pytest.approx(1e-3, rel=0.05) and math.isfinite(chance(None))


@pytest.mark.fault("outside 2.n2.4")
def test_a_condition_that_moves_scores_far_is_heeded_whatever_the_rows_show():
    """The bound of what rows show was 0, but the model's own number left no doubt."""
    heeds = Evidence.of({checked.CONDITION: ConditionUse(0.0, 2.53, 0.3, True, 0.28, 100)})
    unsure = Evidence.of({checked.CONDITION: ConditionUse(0.0, 0.5, 0.3, True, 0.28, 100)})
    assert [ignored(evidence).severity for evidence in (heeds, unsure)] == ["ok", "unknown"]
