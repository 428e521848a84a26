"""Scores of translations in the report, in its file, and in comparisons."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import torch
from pairs_toy import model_of, pictures, regression

import simulacra
from simulacra import Levels, from_tensors
from simulacra.evaluation.measures.measure import Case
from simulacra.evaluation.measures.pairs import PAIRED, TRANSLATED
from simulacra.evaluation.measures.registry import evidence_of
from simulacra.evaluation.pairs.paired import condition_in_words, paired
from simulacra.evaluation.pairs.translated import number_of, translated
from simulacra.evaluation.pairs.wording import paired_rows, verdict
from simulacra.evaluation.report import read_report

pytestmark = pytest.mark.system("G18")


@pytest.fixture(scope="module")
def data():
    return pictures(400)


def report_of(model, data, **more):
    return simulacra.evaluate(model, data, **{"limit": 20, "budget": None, **more})


def test_the_report_has_scores_with_units_and_is_read_back(data, tmp_path):
    report = report_of(model_of(data, slope=0.5, scale=3.0), data)
    assert report.translations.pairs == 20 and report.translations.references == ("the source", "the mean")
    lines = dict(report.rows())
    assert re.fullmatch(
        r"\d\.\d\d \(\d\.\d\d to \d\.\d\d\) dB, 20 pairs of test; the source .* dB, the mean .* dB",
        lines["PSNR of translations"],
    )
    assert " levels, 20 pairs of test" in lines["L1 of translations"]
    assert "worse than the mean" in lines["translations"]
    assert re.search(
        r"two of one source differ by \d\.\d% .* of what two x do", lines["diversity of translations"]
    )
    assert "PSNR of translations" in report.headline()
    names = {finding.name for finding in report.findings}
    assert {"ignored source", "ignored noise"} <= names and "ignored condition" not in names
    report.write(tmp_path)
    assert read_report(tmp_path).translations == report.translations
    score = report.json()["translations"]["scores"][0]
    assert (score["name"], score["unit"]) == ("PSNR", "dB") and score["model"]["error"] > 0


def test_models_of_one_protocol_share_a_table_with_the_best_reference(data):
    good, bad = (report_of(model_of(data, slope=slope, scale=2.0), data) for slope in (0.0, 1.0))
    found = simulacra.compare(good=good, bad=bad)
    (table,) = (table for table in found.tables if table.first.kind == "translations")
    assert [c.title for c in table.first.columns] == ["PSNR in dB", "SSIM", "L1 in levels", "diversity"]
    assert "(the mean)" in str(found) and "pairs 20, draws 2, condition Levels(shape=(1, 8, 8)" in str(found)
    assert [c.better for c in table.first.columns] == ["higher", "higher", "lower", "neither"]


def test_other_sources_or_numbers_of_pairs_are_another_protocol(data):
    ours = report_of(model_of(data), data)
    x, c = (torch.cat([getattr(split, name) for split in data.splits.values()]) for name in ("x", "c"))
    darker = from_tensors(x, Levels((1, 8, 8), 256), c=c // 2, condition=Levels((1, 8, 8), 256))
    with pytest.raises(ValueError, match="translations were not measured alike"):
        simulacra.compare(ours=ours, darker=report_of(model_of(darker), darker))
    fewer = replace(ours, records={"translations": replace(ours.translations, pairs=10)})
    with pytest.raises(ValueError, match=r"pairs: 20 against 10.*Evaluate both with the same --limit"):
        simulacra.compare(ours=ours, fewer=fewer)


def test_the_condition_is_named_as_it_was_made(data):
    named = lambda condition: condition_in_words(replace(data, spec={"condition": condition}))
    assert named("downscale:4") == "downscale:4" and named("left") == "left"
    # the place of a folder is not in reports
    assert named("folder:somewhere/noisy") == "folder" and named("mix:noise") == "mix"
    assert condition_in_words(data) == "Levels(shape=(1, 8, 8), levels=256)"


def test_slow_models_and_large_pictures_translate_fewer_sources(data):
    split = data.train
    assert number_of(split, None, 1000) == len(split) < 500
    assert number_of(split, None, 100) == 50 and number_of(split, 7, 1000) == 7
    case = Case(model_of(data), data, n=8)
    assert evidence_of((TRANSLATED, PAIRED), case)[PAIRED].pairs == 4


def test_pairs_without_a_source_are_left_out():
    whole = regression(100, test=0.2)
    known = torch.arange(100) % 2 == 0
    x, c = (torch.cat([getattr(split, name) for split in whole.splits.values()]) for name in ("x", "c"))
    data = from_tensors(x, whole.space, c=c, condition=whole.conditioning, c_known=known, test=0.2)
    found = translated(model_of(data), data)
    assert len(found.x) == int(data.test.c_known.sum()) < len(data.test)
    assert torch.equal(found.x, data.test.x[data.test.c_known])


def test_equal_answers_have_no_finite_psnr(data):
    found = translated(model_of(data), data, limit=10)
    same = paired(replace(found, y=torch.stack([found.x, found.x], 1)), data)
    assert same.scores[0].model is None and same.scores[0].exact == 10
    assert (
        "infinite, 10 pairs of test; 10 come back exactly" in dict(paired_rows(same))["PSNR of translations"]
    )
    # the first score that is finite for all pairs decides
    assert (
        same.by == "SSIM" and verdict(same).startswith("better than the mean") and " of SSIM" in verdict(same)
    )


# ---- bad input


def test_pairs_of_other_sizes_are_refused(data):
    model = model_of(data)
    x = data.test.x
    small = from_tensors(x, Levels((1, 8, 8), 256), c=x[..., ::2, ::2], condition=Levels((1, 4, 4), 256))
    with pytest.raises(ValueError, match=r"the condition of the rows has shape .* needs \(B, 1, 8, 8\)"):
        simulacra.evaluate(model, small)


def test_rows_without_sources_are_refused(data):
    alone = from_tensors(data.test.x, Levels((1, 8, 8), 256))
    with pytest.raises(ValueError, match="but the rows have no condition"):
        simulacra.evaluate(model_of(data), alone)


def test_data_without_held_out_pairs_are_refused():
    data = from_tensors(torch.zeros(9, 1, 8, 8, dtype=torch.uint8), Levels((1, 8, 8), 256), test=0)
    with pytest.raises(ValueError, match="has no split 'test'"):
        simulacra.evaluate(simulacra.VAE(data.space, latent=2), data)
