"""Comparisons of runs: tables by protocol, refusals with their mend, and reports that no longer hold."""

import html.parser
import json
import shutil
import time
from dataclasses import replace

import pytest
import torch

import simulacra
from simulacra.core.errors.finding import Finding
from simulacra.core.scores.estimate import Estimate, Protocol
from simulacra.core.storage.files import write_json
from simulacra.evaluation.compare.comparison import compare
from simulacra.evaluation.compare.page import as_html, as_json, as_markdown
from simulacra.evaluation.evaluate import evaluate
from simulacra.evaluation.latents.reconstruction import Reconstruction
from simulacra.evaluation.report import Report, read_report

TEST = Protocol("abc", "digits", "test", "Binary((64,))", "raw")


def estimate(mean, kind="exact", protocol=TEST, seed=0):
    noise = torch.randn(100, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return Estimate(mean + 0.1 * (noise - noise.mean()), kind, 64, kind, {}, protocol)


def report(mean, protocol=TEST, findings=(), **more):
    return Report(
        "Model", protocol, {"likelihood": estimate(mean, protocol=protocol)}, list(findings), **more
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two evaluated runs on the ring, and a GAN, which has no likelihood."""
    root = tmp_path_factory.mktemp("runs")
    data = simulacra.load_data("ring")
    models = {
        "ppca": simulacra.PPCA(data.space, latent=1),
        "vae": simulacra.VAE(data.space, latent=2, hidden=(9,)),
        "gan": simulacra.GAN(data.space, hidden=(9,)),
    }
    for name, model in models.items():
        run = simulacra.fit(model, data, out=root / name, epochs=0.2, progress=False)
        evaluate(run, limit=300, k=3, samples=150).write(root / name)
    return root


@pytest.fixture
def copied(runs, tmp_path):
    """The runs where a test may spoil them."""
    shutil.copytree(runs, tmp_path / "runs")
    return tmp_path / "runs"


def test_a_table_for_each_protocol_and_a_refusal_between_them():
    valid = Protocol("abd", "digits", "valid", "Binary((64,))", "raw")
    found = compare(a=report(-1.0), b=report(-2.0), c=report(-1.5, valid), d=report(-1.7, valid))
    assert [list(r.estimates) for r in found.rankings] == [["a", "b"], ["c", "d"]]
    (refusal,) = found.refusals
    assert "a, b against c, d" in refusal and "'test' against 'valid'" in refusal
    with pytest.raises(ValueError, match="2 tables of likelihoods"):
        found.better("a", "b")
    assert "refused: a, b against c, d" in str(found)


def test_one_that_fits_nobody_is_refused_and_the_rest_is_compared():
    other = Protocol("xyz", "digits", "test", "Binary((64,))", "static binarization, seed 0")
    found = compare(a=report(-1.0), b=report(-2.0), odd=report(-0.5, other))
    assert found.better("a", "b") and list(found.estimates) == ["a", "b"]
    (refusal,) = found.refusals
    assert "odd" in refusal and "binarization" in refusal


def test_the_mend_is_a_command_that_works(runs, tmp_path):
    run = simulacra.load_run(runs / "ppca")
    shutil.copytree(runs / "ppca", tmp_path / "half")
    for stale in ("evaluations", "report.json"):
        (shutil.rmtree if stale == "evaluations" else lambda p: p.unlink())(tmp_path / "half" / stale)
    half = simulacra.training.run.Run(tmp_path / "half", run.model, run.data, run.config)
    evaluate(half, limit=150, split="valid").write(tmp_path / "half")
    with pytest.raises(ValueError, match="protocols differ") as refused:
        compare(runs / "vae", tmp_path / "half")
    assert f"simulacra evaluate {tmp_path / 'half'} --split test --limit 300`" in str(refused.value)
    evaluate(half, limit=300, split="test").write(tmp_path / "half")
    # what was measured before is kept beside it
    assert compare(runs / "vae", tmp_path / "half").estimates.keys() == {"vae", "half"}
    assert len(list((tmp_path / "half" / "evaluations").iterdir())) == 2


def test_other_data_are_mended_by_training_on_the_same(runs, tmp_path):
    data = simulacra.load_data("ring", seed=3)
    run = simulacra.fit(simulacra.PPCA(data.space, latent=1), data, out=tmp_path / "other")
    evaluate(run, limit=300).write(tmp_path / "other")
    with pytest.raises(ValueError, match="protocols differ in data") as refused:
        compare(tmp_path / "other", runs / "vae")
    assert "`simulacra train vae ring --data.seed 3`" in str(refused.value)


def test_families_with_and_without_likelihood(runs):
    found = compare(runs / "ppca", runs / "vae", runs / "gan")
    assert set(found.estimates) == {"ppca", "vae"}
    assert "gan has no likelihood" in found.without["gan"]
    samples = next(t for t in found.tables if t.first.kind == "samples")
    assert set(samples.rows) == {"ppca", "vae", "gan"} and samples.lines()[-1][0] == "(training rows)"
    assert any("gan" in sentence and "kernel distance" in sentence for sentence in samples.sentences)
    assert {t.first.kind for t in found.tables} == {"samples", "copies", "reconstructions"}
    text = str(found)
    assert "likelihood on ring test[300 of 1,000, seed 0]" in text and "modes" in text


def test_pages_hold_every_table_and_sentence(runs, tmp_path):
    from PIL import Image

    found = compare(runs / "ppca", runs / "vae", runs / "gan")
    Image.new("L", (4, 4)).save(tmp_path / "samples.png")
    found.folders = {"gan <1>": tmp_path}
    markdown, page = as_markdown(found), as_html(found)
    for sentence in [*found.ranking.sentences, *found.without.values()]:
        assert sentence in markdown
    assert "data:image/png;base64," in page and "gan &lt;1&gt;" in page and "http" not in page
    tags = []
    parser = html.parser.HTMLParser()
    parser.handle_starttag = lambda tag, attributes: tags.append(tag)
    parser.feed(page)
    assert tags.count("table") == len(found.rankings) + len(found.tables) == 4 and tags.count("img") == 1
    again = json.loads(json.dumps(as_json(found), allow_nan=False))
    assert again["rankings"][0]["best"] == found.best
    assert again["rankings"][0]["pairs"][0]["better"] in ("first", "second", "undecided")


def test_a_stale_report_is_noticed(copied):
    weights = copied / "vae" / "model.safetensors"
    # the same weights written again are the same weights
    weights.write_bytes(weights.read_bytes())
    compare(copied / "vae", copied / "ppca")
    shutil.copy(copied / "gan" / "model.safetensors", weights)
    with pytest.raises(
        ValueError, match=r"vae: its model.safetensors changed since .* evaluate .*vae` again"
    ):
        compare(copied / "vae", copied / "ppca")


def test_an_edited_configuration_is_noticed(copied):
    place = copied / "vae" / "config.json"
    config = json.loads(place.read_text())
    config["arguments"]["latent"] = 3
    write_json(place, config)
    with pytest.raises(ValueError, match=r"the arguments in its config.json were edited"):
        compare(copied / "vae", copied / "ppca")


def test_missing_weights_unfinished_runs_and_other_folders(copied):
    (copied / "vae" / "model.safetensors").unlink()
    with pytest.raises(ValueError, match=r"its model.safetensors is gone"):
        compare(copied / "vae", copied / "ppca")
    (copied / "vae" / "report.json").unlink()
    with pytest.raises(ValueError, match=r"unfinished, .* go on with `simulacra train --resume"):
        compare(copied / "vae", copied / "ppca")
    (copied / "gan" / "report.json").unlink()
    with pytest.raises(ValueError, match=r"gan has no report: run `simulacra evaluate"):
        compare(copied / "gan", copied / "ppca")
    with pytest.raises(ValueError, match="no folder of a run"):
        compare(copied / "nowhere", copied / "ppca")


def test_newer_files_are_refused_and_other_versions_are_said(copied):
    place = copied / "vae" / "config.json"
    config = json.loads(place.read_text())
    write_json(place, {**config, "version": "0.0.7"})
    assert any("version 0.0.7" in note for note in compare(copied / "vae", copied / "ppca").notes)
    report = copied / "ppca" / "report.json"
    report.write_text(report.read_text().replace('"format": 1', '"format": 99'))
    with pytest.raises(ValueError, match="format 99"):
        compare(copied / "vae", copied / "ppca")


def test_one_or_none():
    with pytest.raises(ValueError, match="at least two models, but got 0"):
        compare()
    with pytest.raises(ValueError, match="at least two models, but got 1: a"):
        compare(a=report(-1.0))


@pytest.mark.system("I7")
def test_a_density_without_limit_wins_against_nobody():
    ill = Finding("warning", "unbounded density", "19 of 64 columns are constant", "none", "it grows")
    healthy = compare(good=report(-2.0), spike=report(9.0))
    assert healthy.better("spike", "good")
    found = compare(good=report(-2.0), spike=report(9.0, findings=[ill]))
    assert found.better("spike", "good") is None and "grows without limit" in str(found)
    # it may still lose
    assert compare(good=report(-2.0), spike=report(-9.0, findings=[ill])).better("good", "spike")


def test_other_numbers_of_samples_do_not_share_a_table(runs, tmp_path):
    shutil.copytree(runs / "gan", tmp_path / "more")
    run = simulacra.load_run(tmp_path / "more")
    evaluate(run, limit=300, samples=200).write(tmp_path / "more")
    found = compare(runs / "gan", tmp_path / "more")
    assert [t.first.kind for t in found.tables] == ["copies"]
    (refusal,) = found.refusals
    assert "samples: 150 against 200" in refusal and refusal.endswith("with the same --samples.")


def test_ten_runs_take_less_than_two_seconds(runs, tmp_path):
    for i in range(10):
        shutil.copytree(runs / "ppca", tmp_path / f"run-{i}")
    began = time.process_time()  # which stands still while others have the cores
    found = compare(*(tmp_path / f"run-{i}" for i in range(10)))
    assert time.process_time() - began < 2 and len(found.verdicts) == 45


def test_samples_of_other_rows_never_share_a_table(runs):
    """The rows that were held out count, not only the name of the data and the extractor."""
    one, other = (read_report(runs / "gan") for _ in range(2))
    other.protocol = Protocol("another", *list(vars(one.protocol).values())[1:])
    with pytest.raises(ValueError, match="were not measured alike") as refused:
        compare(a=one, b=other)
    # said once, though copies differ as well
    assert str(refused.value).count("not measured alike") == 1


def test_other_extractors_do_not_share_a_table(runs):
    one, other = (read_report(runs / "gan") for _ in range(2))
    other.records["quality"] = replace(other.quality, extractor_digest="f" * 64)
    found = compare(a=one, b=other)
    assert [t.first.kind for t in found.tables] == ["copies"]
    assert found.refusals[0].endswith("with the same --extractor FILE.")


def test_models_without_likelihood_on_other_data_are_refused(runs, tmp_path):
    data = simulacra.load_data("ring", seed=3)
    run = simulacra.fit(simulacra.GAN(data.space, hidden=(9,)), data, out=tmp_path / "far", epochs=0.1)
    evaluate(run, limit=300, samples=150).write(tmp_path / "far")
    found = compare(runs / "ppca", runs / "vae", tmp_path / "far")
    assert found.better("ppca", "vae") is not False and len(found.refusals) == 1
    assert "far" in found.refusals[0] and "simulacra train gan ring" in found.refusals[0]


def test_two_runs_of_one_name_keep_their_folders(runs, tmp_path):
    shutil.copytree(runs / "ppca", tmp_path / "ppca")
    found = compare(runs / "ppca", tmp_path / "ppca")
    assert found.folders == {"ppca": runs / "ppca", "ppca (2)": tmp_path / "ppca"}


def test_what_is_not_a_number_comes_last_and_is_never_best():
    nan, one = report(float("nan")), report(-2.0)
    found = compare(n=nan, a=one)
    assert list(found.estimates) == ["a", "n"] and found.best == ["a"] and found.better("a", "n") is None
    assert json.loads(json.dumps(as_json(found), allow_nan=False))
    single = Estimate(torch.tensor([-1.0]), "exact", 64, "exact", {}, TEST)
    alone = compare(a=Report("M", TEST, {"likelihood": single}), b=Report("M", TEST, {"likelihood": single}))
    assert "nan" not in as_markdown(alone) and json.dumps(as_json(alone), allow_nan=False)


def test_an_estimate_without_protocol_does_not_join_two_protocols():
    valid = Protocol("abd", "digits", "valid", "Binary((64,))", "raw")
    loose = estimate(-1.2, protocol=None)
    found = compare(loose=loose, a=report(-1.0), b=report(-2.0, valid))
    assert [list(r.estimates) for r in found.rankings] == [["a", "loose"]] and len(found.refusals) == 1


def test_a_half_written_evaluation_is_left_out(copied):
    (copied / "vae" / "evaluations" / "0123").mkdir()
    assert compare(copied / "vae", copied / "ppca").rankings


def test_reconstructions_are_decided_by_their_errors_and_say_where_none_is_known():
    def with_error(mse, error):
        found = report(-1.0)
        found.records["reconstruction"] = Reconstruction(mse, error, 0.5, 100)
        return found

    (table,) = compare(a=with_error(0.1, 0.001), b=with_error(0.2, 0.001)).tables
    assert table.better("a", "b") is True
    (table,) = compare(a=with_error(0.1, None), b=with_error(0.2, 0.001)).tables
    assert table.better("a", "b") is None and table.sentences[0].endswith("no error is known of a.")


@pytest.mark.fault("doors 2.hour")
def test_no_command_is_suggested_where_the_other_data_do_not_fit(runs, tmp_path):
    (tmp_path / "sick.csv").write_text(
        "age,sick\n" + "".join(f"{20 + i % 50},{i % 3 % 2}\n" for i in range(60))
    )
    data = simulacra.load_data(tmp_path / "sick.csv", label="sick")
    run = simulacra.fit(
        simulacra.VAE(data.space, latent=1, hidden=(5,)), data, out=tmp_path / "table", epochs=1
    )
    evaluate(run, k=3).write(tmp_path / "table")
    with pytest.raises(ValueError, match="protocols differ") as refused:
        compare(runs / "vae", tmp_path / "table")
    assert "on one data set with the same options" in str(refused.value)
    assert "simulacra train" not in str(refused.value)
