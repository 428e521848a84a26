"""The doctor names each illness at its number and is quiet about the healthy."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import simulacra
from simulacra.core.distributions.elementary import Gaussian
from simulacra.core.errors.finding import Finding, read_finding
from simulacra.core.scores.estimate import Estimate
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Positive, Real
from simulacra.evaluation.diagnostics.state import Diagnostics
from simulacra.evaluation.doctor.diagnose import diagnose, findings
from simulacra.evaluation.doctor.quick_check import TimeBudget, quick_check
from simulacra.evaluation.latents.codes import Codes, active_in, decompose
from simulacra.evaluation.likelihood.held_out import Likelihood
from simulacra.evaluation.likelihood.repeated_values import repeated_values
from simulacra.evaluation.measures.history import History, keeps_best
from simulacra.evaluation.measures.measure import Evidence
from simulacra.evaluation.measures.registry import (
    CODES,
    DIAGNOSTICS,
    GENERALIZATION,
    HISTORY,
    LIKELIHOOD,
    MEMORIZATION,
    MODES,
    NEIGHBOUR,
    QUALITY,
    REPEATED,
    SAMPLE_SCORE,
)
from simulacra.evaluation.measures.row_scores import Generalization
from simulacra.evaluation.report import read_report
from simulacra.evaluation.samples.coverage import Coverage
from simulacra.evaluation.samples.memorization import Memorization
from simulacra.evaluation.samples.mmd import SampleScore
from simulacra.evaluation.samples.quality import ModesFound, SampleQuality, Skipped


def only(evidence, name):
    """Severity and sentence of the one finding `name`."""
    found = [f for f in diagnose(evidence) if f.name == name]
    assert len(found) == 1
    assert found[0].sentence.endswith(".")
    return found[0].severity, found[0].sentence


def scores(mean, spread=1.0, n=400, dims=10):
    values = torch.linspace(-1.7, 1.7, n, dtype=torch.float64) * spread + mean
    return Estimate(values, "lower", dims, "ELBO")


def codes(meaning, log_scale):
    loc = torch.randn(300, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * meaning
    return Gaussian(loc, torch.full_like(loc, log_scale), 1)


def test_no_evidence_no_findings():
    assert diagnose(Evidence()) == []


def test_posterior_collapse_and_unused_units():
    dead = codes(torch.tensor([1e-3] * 4), 0.0)
    ill = Evidence.of({CODES: Codes(decompose(dead), active_in(dead))})
    severity, sentence = only(ill, "posterior collapse")
    assert severity == "warning" and "0 of 4 units" in sentence and "kl_warmup" in sentence
    half = codes(torch.tensor([1.0, 1e-3, 1.0, 1e-3]), -1.0)
    used = Evidence.of({CODES: Codes(decompose(half), active_in(half))})
    assert only(used, "posterior collapse")[0] == "ok"
    severity, sentence = only(used, "unused units")
    assert severity == "note" and "2 of 4 units" in sentence and "latent=2" in sentence
    full = codes(torch.ones(4), -1.0)
    assert only(Evidence.of({CODES: Codes(decompose(full), active_in(full))}), "unused units")[0] == "ok"


def test_codes_far_from_the_prior():
    far = Gaussian(torch.full((300, 1), 4.0).double(), torch.zeros(300, 1).double(), 1)
    severity, sentence = only(
        Evidence.of({CODES: Codes(decompose(far), active_in(far))}), "aggregate posterior"
    )
    assert severity == "note" and "8.0" in sentence
    at = Gaussian(torch.zeros(300, 1).double(), torch.zeros(300, 1).double(), 1)
    assert only(Evidence.of({CODES: Codes(decompose(at), active_in(at))}), "aggregate posterior")[0] == "ok"


def test_overfitting_in_standard_errors():
    fine = Evidence.of({GENERALIZATION: Generalization(scores(-100.0), scores(-99.9))})
    assert only(fine, "overfitting")[0] == "ok"
    slight = Evidence.of({GENERALIZATION: Generalization(scores(-100.0), scores(-99.0))})
    assert only(slight, "overfitting")[0] == "note"
    heavy = Evidence.of({GENERALIZATION: Generalization(scores(-100.0), scores(-80.0))})
    severity, sentence = only(heavy, "overfitting")
    assert severity == "warning" and "+20.00" in sentence and "patience" in sentence


def test_a_validation_score_past_its_best():
    rows = lambda values: [{"epoch": str(i), "valid_score": str(v)} for i, v in enumerate(values)]
    severity, sentence = only(Evidence.of({HISTORY: History(rows([-30, -20, -25, -28]))}), "validation score")
    assert severity == "warning" and "8.00 nats since epoch 1" in sentence and "patience" in sentence
    assert only(Evidence.of({HISTORY: History(rows([-30, -20, "", -20.5]))}), "validation score")[0] == "ok"
    assert [f.name for f in diagnose(Evidence.of({HISTORY: History([{"epoch": "1", "loss": "3"}])}))] == [
        "terms of the loss"
    ]


def test_patience_keeps_the_best_weights():
    rows = [{"epoch": str(i), "valid_score": str(v)} for i, v in enumerate((-30, -20, -25, -28))]
    severity, sentence = only(Evidence.of({HISTORY: History(rows, True)}), "validation score")
    assert severity == "ok" and "8.00 nats since epoch 1" in sentence and "patience kept" in sentence


def test_a_run_with_patience_is_known_for_it(tmp_path):
    data = simulacra.load_data("ring")
    options = {"epochs": 2, "progress": False, "doctor": False}
    make = lambda: simulacra.VAE(data.space, latent=2, hidden=(7,))
    kept = simulacra.fit(make(), data, out=tmp_path / "a", patience=1, **options)
    last = simulacra.fit(make(), data, out=tmp_path / "b", **options)
    assert keeps_best(kept.path) and not keeps_best(last.path) and not keeps_best(None)
    assert [quick_check(run, TimeBudget(0))[HISTORY].best_kept for run in (kept, last)] == [True, False]
    # interrupted: the weights are those of the last step
    (kept.path / "model.safetensors").unlink()
    assert not keeps_best(kept.path)


def test_unbounded_densities():
    levels = Evidence.of({LIKELIHOOD: Likelihood(scores(50.0))})
    severity, sentence = only(levels, "density on discrete data")
    assert severity == "warning" and "dequantize" in sentence
    assert diagnose(Evidence.of({LIKELIHOOD: Likelihood(scores(-50.0))})) == []
    rounded = Evidence.of({LIKELIHOOD: Likelihood(scores(50.0)), REPEATED: 0.97})
    assert only(rounded, "density on discrete data")[0] == "warning"
    smooth = Evidence.of({LIKELIHOOD: Likelihood(scores(50.0)), REPEATED: 0.0})
    assert only(smooth, "density on discrete data")[0] == "ok"
    x = torch.randn(200, 3)
    for values, share in ((x, 0.0), ((x * 2).round(), 0.9)):
        data = simulacra.from_tensors(values, simulacra.Real((3,)))
        assert repeated_values(data, data.train) == pytest.approx(share, abs=0.08)


def table(**columns):
    """A table of 600 rows: two real columns and a class."""
    space = Table(a=Real(), b=Real(), sex=Categorical((), 2))
    rows = torch.randn(600, 2, generator=torch.Generator().manual_seed(17)) * 0.001
    sex = torch.arange(600.0).unsqueeze(1) % 2
    x = torch.cat([rows, sex], 1)
    for name, values in columns.items():
        x[:, space.names.index(name)] = values
    return simulacra.from_tensors(x, space)


@pytest.mark.system("I7")
def test_a_table_of_small_real_numbers_is_no_table_of_levels():
    data = table()
    assert repeated_values(data, data.train) == 0
    found = Evidence.of({LIKELIHOOD: Likelihood(scores(32.0)), REPEATED: repeated_values(data, data.train)})
    assert only(found, "density on discrete data")[0] == "ok"
    rounded = table(a=torch.arange(600) % 7, b=torch.arange(600) % 5)
    assert repeated_values(rounded, rounded.train) > 0.95
    half = table(a=torch.arange(600) % 7)
    assert repeated_values(half, half.train) == pytest.approx(0.5, abs=0.02)
    # what stands where a value is missing is no value
    known = torch.arange(600).unsqueeze(1) % 3 > 0
    x = torch.randn(600, 1).where(known, 0.0)
    gaps = simulacra.from_tensors(x, Real((1,)), known=known)
    assert repeated_values(gaps, gaps.train) == 0
    classes = simulacra.from_tensors(torch.zeros(50, 1), Table(sex=Categorical((), 2)))
    assert repeated_values(classes, classes.train) is None
    positive = simulacra.from_tensors(torch.rand(70, 2) + 1, Positive((2,)))
    assert repeated_values(positive, positive.train) == 0


def test_unreliable_importance_samples():
    evidence = lambda size: Evidence.of(
        {LIKELIHOOD: Likelihood(scores(-9.0), effective=torch.full((20,), size), k=1000)}
    )
    assert only(evidence(1.3), "importance samples")[0] == "warning"
    assert only(evidence(6.0), "importance samples")[0] == "note"
    assert only(evidence(400.0), "importance samples")[0] == "ok"


def test_copies_and_poor_samples():
    held = torch.linspace(1, 2, 200, dtype=torch.float64)
    zero = torch.zeros(100, dtype=torch.float64)
    copier = Evidence.of({MEMORIZATION: Memorization(zero, zero, held, zero + 1, zero, 300)})
    severity, sentence = only(copier, "memorization")
    assert severity == "warning" and "100 are exact copies" in sentence
    blurred = Evidence.of({MEMORIZATION: Memorization(zero + 0.5, zero, held, zero + 0.4, zero, 300)})
    severity, sentence = only(blurred, "memorization")
    assert severity == "note" and "variety" in sentence
    off = Evidence.of({SAMPLE_SCORE: SampleScore(0.2, 0.001, 0.005, 100, (1.0,))})
    assert only(off, "samples")[0] == "note"
    assert (
        only(Evidence.of({SAMPLE_SCORE: SampleScore(0.001, 0.001, 0.4, 100, (1.0,))}), "samples")[0] == "ok"
    )


def test_findings_of_a_model_come_warnings_first():
    data = simulacra.load_data("digits", binarize="dynamic")
    torch.manual_seed(0)
    model = simulacra.VAE(data.space, latent=3, hidden=(8,))
    model.preprocessing = data.preprocessing
    found = findings(model, data, limit=60)
    order = [("warning", "note", "unknown", "ok").index(f.severity) for f in found]
    assert order == sorted(order)
    names = {f.name for f in found}
    assert {"posterior collapse", "memorization", "overfitting", "importance samples"} <= names
    torch.manual_seed(1)
    implicit = {f.name for f in findings(simulacra.GAN(simulacra.Real((2,))), simulacra.load_data("ring"))}
    game = {"mode collapse", "discriminator", "dead hidden units", "missing modes", "samples"}
    inside = {"memorization", "repeated rows", "exploding weights", "frozen part"}
    assert implicit == {"lost columns", "lost dependences", *inside, *game}


def test_each_finding_says_where_it_is_written_up():
    root = Path(__file__).resolve().parents[2]
    page = (root / "docs" / "doctor.md").read_text(encoding="utf-8")
    labels = set(re.findall(r"^\(([a-z-]+)\)=$", page, re.M))
    sources = "".join(
        p.read_text(encoding="utf-8") for p in (root / "src/simulacra/evaluation/doctor/checks").glob("*.py")
    )
    asked = set(re.findall(r"\{PAGE\}#([a-z-]+)", sources)) | {"mode-collapse", "vanishing-gradient"}
    assert asked == labels


def test_a_sentence_has_the_parts_that_there_are():
    whole = Finding("warning", "a", "m", "n", "it means", "b=1", "E7")
    assert (
        whole.sentence == "m (normal: n): it means; try b=1 [E7]."
        and str(whole) == f"warning: a: {whole.sentence}"
    )
    assert Finding("ok", "a", "m").sentence == "m."
    assert read_finding(json.loads(json.dumps(whole.json()))) == whole


def test_reports_of_old_are_read(tmp_path):
    data = simulacra.load_data("ring")
    report = simulacra.evaluate(simulacra.PPCA(data.space, latent=1), data, limit=50)
    path = report.write(tmp_path)["report"]
    assert read_report(tmp_path).findings == report.findings
    content = json.loads(path.read_text())
    for young in ("quality", "classes", "fidelity", "tasks", "provenance"):
        assert young in content
        del content[young]
    path.write_text(json.dumps(content))
    aged = read_report(tmp_path)
    assert aged.likelihood.mean == report.likelihood.mean and aged.findings == report.findings
    assert (aged.quality, aged.classes, aged.fidelity, aged.tasks, aged.provenance) == (None,) * 5
    old = [{"severity": "note", "name": "samples", "sentence": "the samples are off."}]
    path.write_text(json.dumps({**content, "findings": old}))
    (found,) = read_report(tmp_path).findings
    assert found.sentence == old[0]["sentence"] and found.suggestion == ""
    path.write_text(json.dumps({**content, "findings": [{"severity": "note"}]}))
    with pytest.raises(ValueError, match="damaged"):
        read_report(tmp_path)


def test_terms_that_explode_or_are_not_finite():
    rows = lambda values: Evidence.of(
        {HISTORY: History([{"step": str(i), "loss": str(v)} for i, v in enumerate(values)])}
    )
    assert only(rows([5, 4, 3, 3, 3, 3, 3, 3]), "terms of the loss")[0] == "ok"
    # a steep start is none
    assert only(rows([9e6, 4, 3, 3, 3, 3, 3, 3]), "terms of the loss")[0] == "ok"
    severity, sentence = only(rows([5, 4, 3, 3, 3, 3, 3, 9e4]), "terms of the loss")
    assert severity == "warning" and "3e+04 times its median" in sentence and "clip=1" in sentence
    severity, sentence = only(rows([5, "nan", 3]), "terms of the loss")
    assert severity == "warning" and "not finite" in sentence


@pytest.mark.system("F8")
def test_a_discriminator_too_strong_too_weak_or_matched():
    game = lambda accuracy, neighbour: Evidence.of(
        {DIAGNOSTICS: Diagnostics({"accuracy": accuracy, "gradient": 0.1}, None), NEIGHBOUR: neighbour}
    )
    assert only(game(0.99, 0.99), "discriminator")[0] == "note"
    severity, sentence = only(game(0.5, 0.97), "discriminator")
    assert severity == "warning" and "too weak" in sentence
    assert only(game(0.5, 0.55), "discriminator")[0] == "ok"
    assert only(game(0.7, None), "discriminator")[0] == "ok"


def test_missing_modes_by_the_truth_and_by_coverage():
    assert only(Evidence.of({MODES: ModesFound(5, 8, 0.9, 0.99)}), "missing modes")[0] == "warning"
    assert only(Evidence.of({MODES: ModesFound(8, 8, 0.9, 0.99)}), "missing modes")[0] == "ok"
    side = lambda share: SimpleNamespace(coverage=Coverage(1.0, share, 1.0, share, 5))
    for share, severity in ((0.1, "warning"), (0.6, "note"), (0.85, "ok")):
        quality = SampleQuality("", "", 2, 100, 0, side(share), side(0.95), None)
        assert only(Evidence.of({QUALITY: quality}), "missing modes")[0] == severity
    assert diagnose(Evidence.of({QUALITY: Skipped("too few")})) == []
