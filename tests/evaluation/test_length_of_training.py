"""Advice on the length of training: patience that keeps the best weights, one verdict for a whole report."""

import itertools

import pytest
import torch

import simulacra
from simulacra.core.distributions.elementary import Gaussian
from simulacra.core.scores.estimate import Estimate
from simulacra.evaluation.doctor.advice import Setting
from simulacra.evaluation.doctor.diagnose import diagnose
from simulacra.evaluation.latents.codes import Codes, active_in, decompose
from simulacra.evaluation.measures.checked import CELLS, SETTING
from simulacra.evaluation.measures.history import History
from simulacra.evaluation.measures.measure import Evidence
from simulacra.evaluation.measures.registry import CODES, GENERALIZATION, HISTORY, SAMPLE_SCORE
from simulacra.evaluation.measures.row_scores import Generalization
from simulacra.evaluation.samples.cells import Cells
from simulacra.evaluation.samples.mmd import SampleScore

lengths = pytest.mark.fault("outside 2.n2.5")


def curve(seed, n=80, late=3.0, noise=25.0):
    """Scores that rise from -3,600 to -3,270 under noise, and fall off at the end."""
    g = torch.Generator().manual_seed(seed)
    t = torch.arange(1, n + 1, dtype=torch.float64)
    rise = -3270 - 400 * torch.exp(-t / 15) - late * 120 * (t > 0.9 * n)
    return (rise + noise * torch.randn(n, generator=g, dtype=torch.float64)).tolist()


def stopped(scores, patience):
    """The best score of a training that ends after so many scores without a better one."""
    best, worse = scores[0], 0
    for score in scores[1:]:
        worse = 0 if score > best else worse + 1
        best = max(best, score)
        if worse >= patience:
            break
    return best


def history(scores, kept=False, **options):
    rows = [
        {"epoch": f"{i + 1}", "valid_score": f"{v}", "total_step": f"{10 * (i + 1)}"}
        for i, v in enumerate(scores)
    ]
    return History(rows, kept, options)


def found(name, **evidence):
    given = {HISTORY: evidence["history"], SETTING: Setting(steps=evidence.get("steps", 5000))}
    return next((f for f in diagnose(Evidence.of(given)) if f.name == name), None)


def advised(finding):
    (option,) = [option for option in finding.options if "patience" in option]
    return int(option.split()[1])


@lengths
@pytest.mark.parametrize("seed", range(4))
def test_the_advised_patience_ends_with_the_best_weights_of_the_same_training(seed):
    scores = curve(seed)
    patience = advised(found("validation score", history=history(scores)))
    assert stopped(scores, patience) == max(scores)


@lengths
def test_with_other_noise_the_advised_patience_loses_little():
    lost = {"advised": [], "5": []}
    for seed in range(60):
        patience = advised(found("validation score", history=history(curve(seed))))
        other = curve(1000 + seed)
        lost["advised"].append(max(other) - stopped(other, patience))
        lost["5"].append(max(other) - stopped(other, 5))
    # noise of 25 nats: a best of fewer epochs is less by a part of it
    assert sum(lost["advised"]) / 60 < 12.5 and sum(lost["5"]) / 60 > 25


def codes():
    q = Gaussian(torch.full((300, 4), 1e-3).double(), torch.zeros(300, 4).double(), 1)
    return Codes(decompose(q), active_in(q))


def score(mean):
    return Estimate(torch.linspace(-0.1, 0.1, 50, dtype=torch.float64) + mean, "lower", 10, "ELBO")


NOISE = torch.randn(60, generator=torch.Generator().manual_seed(1), dtype=torch.float64).tolist()
CURVES = {
    "none": [],
    "rises": [-9.0 + i for i in range(8)],
    "falls": [-9.0, -3.0, *(-4.0 - i for i in range(6))],
    "level": [-3.0, -2.0, -3.1, -2.9, -3.0, -3.1, -2.9, -3.0],
    "rises in noise": [-60.0 + i + 3 * NOISE[i] for i in range(40)] + [-24.0],
}


@lengths
@pytest.mark.parametrize(("shape", "steps", "gap"), list(itertools.product(CURVES, (45, 5000), (0.0, 8.0))))
def test_no_line_advises_longer_training_where_another_advises_shorter(shape, steps, gap):
    scores = CURVES[shape]
    evidence = {
        CODES: codes(),
        CELLS: Cells(10, (0.1,), 1000),
        SAMPLE_SCORE: SampleScore(0.2, 0.0, 0.001, 100, (1.0,)),
        HISTORY: history(scores),
        SETTING: Setting(steps=steps),
    }
    if gap:
        evidence[GENERALIZATION] = Generalization(score(-9.0), score(-9.0 + gap))
    said = [finding.suggestion for finding in diagnose(Evidence.of(evidence))]
    longer, shorter = (any(word in text for text in said) for word in ("more epochs", "patience="))
    assert not (longer and shorter), said
    if shape.startswith("rises") or (shape == "none" and steps == 45):
        assert longer
    if shape == "falls":
        assert shorter


@lengths
def test_a_noisy_rise_is_a_rise_and_patience_that_took_it_for_the_end_is_named():
    scores = CURVES["rises in noise"]
    assert scores[-1] < max(scores)
    assert found("training length", history=history(scores), steps=45).severity == "note"
    ended = [*scores, scores[-1] - 2.0, scores[-1] - 1.0]
    finding = found("training length", history=history(ended, True, patience=3))
    assert finding.severity == "note" and "patience=3" in finding.meaning and advised(finding) >= 12
    # the advice is not given where the score had come to rest
    rest = [*(-60.0 + i for i in range(20)), *(-40.0 + 0.5 * NOISE[i] for i in range(40))]
    assert found("training length", history=history(rest, True, patience=3)).severity == "ok"


def test_the_best_of_an_earlier_stage_is_no_best_of_the_last():
    rows = [
        {"stage": stage, "epoch": f"{i}", "valid_score": f"{v}"}
        for stage, values in (("a", (-3.0, -2.0, -1.0)), ("b", (-9.0, -8.0, -7.0)))
        for i, v in enumerate(values)
    ]
    (finding,) = [f for f in diagnose(Evidence.of({HISTORY: History(rows)})) if f.name == "validation score"]
    assert finding.severity != "warning"


def test_training_as_advised_is_no_worse():
    data = simulacra.load_data("digits", binarize="threshold")
    few = data.train.select(torch.arange(60))
    data = simulacra.Dataset("some digits", {**data.splits, "train": few}, data.preprocessing)
    options = {"epochs": 40, "lr": 0.03, "batch_size": 50, "progress": False}
    fit = lambda **more: simulacra.fit(simulacra.MADE(data.space, hidden=(100,)), data, **options, **more)
    last = fit()
    (finding,) = [f for f in last.findings if f.name == "validation score"]
    best = max(float(row["valid_score"]) for row in last.metrics if row.get("valid_score"))
    assert finding.severity == "warning"
    again = fit(patience=advised(finding))
    assert max(float(row["valid_score"]) for row in again.metrics if row.get("valid_score")) == best


@pytest.mark.fault("outside 2.hour")
@pytest.mark.parametrize(("patience", "advised"), [(None, True), (20, False), (7, False)])
def test_a_patience_that_kept_the_best_weights_is_not_made_smaller_to_keep_them(patience, advised):
    given = {} if patience is None else {("train", "patience"): patience}
    setting = Setting(steps=5000, given=given)
    assert setting.allows(setting.earlier) is advised
