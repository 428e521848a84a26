"""What may be compared, and what the numbers decide."""

import itertools

import pytest
import torch

import simulacra
from simulacra.core.scores.estimate import Estimate, Protocol
from simulacra.evaluation.compare.comparison import compare
from simulacra.evaluation.evaluate import evaluate
from simulacra.evaluation.likelihood.held_out import likelihood

TEST = Protocol("abc", "digits", "test", "Binary((64,))", "raw")


def estimate(mean, kind, protocol=TEST, n=100, seed=0):
    noise = torch.randn(n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return Estimate(mean + 0.1 * (noise - noise.mean()), kind, 64, kind, {}, protocol)


@pytest.mark.system("I4")
def test_a_verdict_needs_a_floor_above_a_ceiling():
    kinds = ("exact", "lower", "upper", "stochastic")
    for high, low in itertools.product(kinds, kinds):
        ranking = compare(high=estimate(-1.0, high), low=estimate(-2.0, low, seed=1))
        decided = high in ("exact", "lower") and low in ("exact", "upper")
        assert ranking.better("high", "low") is (True if decided else None)
        assert ranking.better("low", "high") is (False if decided else None)
        assert ranking.best == (["high"] if decided else ["high", "low"])
        # the note explains an undecided pair; a decided one needs none
        assert any("kinds differ" in w for w in ranking.warnings) is (high != low and not decided)
        assert ("undecided" in str(ranking)) is not decided


@pytest.mark.system("I4")
def test_the_order_is_partial():
    ranking = compare(
        flow=estimate(-3.0, "exact"),
        vae=estimate(-2.0, "lower", seed=1),
        ais=estimate(-1.0, "stochastic", seed=2),
        ppca=estimate(-9.0, "exact", seed=3),
    )
    assert list(ranking.estimates) == ["ais", "vae", "flow", "ppca"]
    assert ranking.better("vae", "flow") and ranking.better("flow", "ppca")
    assert ranking.better("ais", "vae") is None and ranking.better("ais", "ppca") is None
    assert ranking.best == ["ais", "vae"]
    assert "not retraining" in str(ranking)


@pytest.mark.system("I4")
def test_differences_within_two_standard_errors_are_undecided():
    a, b = estimate(-1.0, "exact"), estimate(-1.002, "exact", seed=1)
    assert compare(a=a, b=b).better("a", "b") is None
    paired = Estimate(a.values - 0.002, "exact", 64, "exact", {}, TEST)
    verdict = compare(a=a, b=paired)
    assert verdict.better("a", "b") is True
    assert verdict.verdicts[("a", "b")].difference == pytest.approx(0.002)


@pytest.mark.system("I6")
def test_binarizations_never_share_a_column():
    scores = {}
    for scheme in ("dynamic", "static", "threshold"):
        data = simulacra.load_data("digits", binarize=scheme)
        torch.manual_seed(0)
        model = simulacra.VAE(data.space, latent=2, hidden=(8,))
        model.preprocessing = data.preprocessing
        scores[scheme] = likelihood(model, data, k=2)
    for a, b in itertools.combinations(scores, 2):
        with pytest.raises(ValueError, match="protocols differ in"):
            compare(**{a: scores[a], b: scores[b]})
    assert compare(one=scores["dynamic"], two=scores["dynamic"]).better("one", "two") is None


@pytest.mark.system("I5", "I6")
def test_real_binary_and_scaled_data_are_different_protocols():
    grey = simulacra.load_data("digits", dequantize="uniform")
    bits = simulacra.load_data("digits", binarize="dynamic")
    real = simulacra.PPCA(grey.space, latent=2)
    real.preprocessing = grey.preprocessing
    coin = simulacra.VAE(bits.space, latent=2, hidden=(8,))
    coin.preprocessing = bits.preprocessing
    with pytest.raises(ValueError, match="protocols differ in"):
        compare(real=likelihood(real, grey), coin=likelihood(coin, bits, k=2))
    x = torch.randn(60, 3, dtype=torch.float64)
    unit, tenth = (simulacra.from_tensors(s * x, simulacra.Real((3,))) for s in (1.0, 0.1))
    model = simulacra.PPCA(unit.space, latent=1).double()
    with pytest.raises(ValueError, match="protocols differ in data"):
        compare(unit=likelihood(model, unit), tenth=likelihood(model, tenth))


def test_reports_and_folders_are_compared(tmp_path):
    data = simulacra.load_data("ring")
    good, bad = (simulacra.PPCA(data.space, latent=1) for _ in range(2))
    good.variance.fill_(2.0)
    reports = {"good": evaluate(good, data, limit=300), "bad": evaluate(bad, data, limit=300)}
    assert compare(reports).better("good", "bad")
    for name, report in reports.items():
        report.write(tmp_path / name)
    again = compare(tmp_path / "good", tmp_path / "bad")
    assert again.better("good", "bad")
    assert str(again) == str(compare(reports))
    assert list(compare(list(reports.values())).estimates) == ["PPCA", "PPCA (2)"]


def test_bad_input():
    with pytest.raises(ValueError, match="at least two"):
        compare(a=estimate(-1.0, "exact"))
    with pytest.raises(ValueError, match="were not compared"):
        compare(a=estimate(-1.0, "exact"), b=estimate(-2.0, "exact")).better("a", "c")
    data = simulacra.load_data("ring")
    implicit = evaluate(simulacra.GAN(data.space), data, limit=100)
    with pytest.raises(ValueError, match="no likelihood to compare"):
        compare(gan=implicit, other=estimate(-1.0, "exact"))


def runs(folder, seeds, **changed):
    """Folders of reports of one experiment, one for each seed, with means that differ."""
    from simulacra.core.storage.files import write_json
    from simulacra.evaluation.report import Report

    for i, seed in enumerate(seeds):
        place = folder / f"{changed.get('lr', 'run')}-{i}"
        Report("VAE", TEST, {"likelihood": estimate(-1.0 - 0.1 * i, "exact", seed=i)}).write(place)
        options = {"lr": None, "checkpoint_seconds": 30.0 + i, "seed": seed, **changed}
        config = {"model": "VAE", "arguments": {"latent": 2}, "data": {"digest": "d"}, "options": options}
        write_json(place / "config.json", config)
        yield place


def test_three_seeds_say_what_retraining_changes(tmp_path):
    ranking = compare(*runs(tmp_path, (5, 7, 9)))
    (experiment,) = ranking.retrained
    assert list(experiment.scores) == ["run-0", "run-1", "run-2"]
    assert experiment.mean == pytest.approx(-1.1) and experiment.deviation == pytest.approx(0.1)
    assert "retrained with 3 seeds (run-0, run-1, run-2): -1.10 +- 0.10 nats" in str(ranking)
    assert "not retraining" not in str(ranking)


def test_fewer_seeds_or_other_options_do_not(tmp_path):
    two, same = compare(*runs(tmp_path, (5, 7))), compare(*runs(tmp_path, (5, 5, 5)))
    other = compare(*runs(tmp_path, (5, 7)), *runs(tmp_path, (9,), lr=0.5))
    for ranking in (two, same, other):
        assert ranking.retrained == [] and "not retraining" in str(ranking)
    mixed = compare(*runs(tmp_path, (5, 7, 9)), *runs(tmp_path, (5,), lr=0.5))
    assert len(mixed.retrained) == 1 and "not retraining" in str(mixed)


@pytest.mark.system("I4")
def test_the_error_of_a_log_z_counts_and_a_doubtful_one_decides_nothing():
    bound, annealed = estimate(-1.0, "lower"), estimate(-1.3, "upper", seed=1)
    assert compare(vae=bound, rbm=annealed).better("vae", "rbm") is True
    annealed.details = {"shared_error": 0.2}
    verdict = compare(vae=bound, rbm=annealed)
    assert verdict.better("vae", "rbm") is None
    assert verdict.verdicts[("vae", "rbm")].error == pytest.approx(
        (0.2**2 + 2 * 0.1**2 / 100) ** 0.5, rel=0.1
    )
    annealed.details = {"doubts": ["2.0 of 100 forward chains count"]}
    doubtful = compare(vae=bound, rbm=annealed)
    assert doubtful.better("vae", "rbm") is None and "forward chains count" in str(doubtful)
