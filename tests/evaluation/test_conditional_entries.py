"""Entries of vectors and images are compared with the data under the conditions of the samples."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

import simulacra
from simulacra.core.spaces.plain import Levels, Real
from simulacra.evaluation.diagnostics.flat import kept_entries
from simulacra.evaluation.doctor.advice import Setting
from simulacra.evaluation.doctor.checks.tables import columns, dependences
from simulacra.evaluation.measures.checked import ENTRIES, SETTING
from simulacra.evaluation.measures.measure import Evidence

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from benchmarks.doctor.samplers import LabelledSampler

pytestmark = pytest.mark.fault("outside 1.left.7")
N, D, CLASSES = 3000, 7, 3


def law(n, seed, image):
    """Rows whose first three entries depend on c, and c."""
    g = torch.Generator().manual_seed(seed)
    c = torch.randint(0, CLASSES, (n,), generator=g)
    x = torch.randn(n, D, generator=g)
    x[:, :3] += 1.7 * (c[:, None] - 1.0)
    if image:
        return (40 * x + 128).clamp(0, 255).round().to(torch.uint8).reshape(n, 1, 1, D), c
    return x, c


def found(listens, image=False, seed=0):
    space = Levels((1, 1, D), 256) if image else Real((D,))
    x, c = law(N, seed, image)
    data = simulacra.from_tensors(x, space, c=c, test=0.3, seed=seed)
    rows, labels = law(N, seed + 50, image)
    model = LabelledSampler(data.space, data.condition, rows, labels, listens)
    model.preprocessing, model.conditioning = data.preprocessing, data.conditioning
    kept = kept_entries(model, data, n=1000, seed=seed)
    evidence = Evidence.of({ENTRIES: kept, SETTING: Setting()})
    return kept, columns(evidence), dependences(evidence)


@pytest.mark.parametrize("image", [False, True])
def test_a_model_that_ignores_its_condition_is_not_perfect(image):
    kept, lost, pairs = found(False, image)
    # without the condition nothing is lost: each entry and each pair is drawn as in the data
    assert all(column.excess == 0 for column in kept.columns)
    assert lost.severity == "warning" and "at label=" in lost.measured
    assert pairs.severity == "warning" and "label and" in pairs.measured


@pytest.mark.parametrize("image", [False, True])
def test_the_law_itself_is_well_under_each_condition(image):
    kept, lost, pairs = found(True, image)
    assert len(kept.grouped) == CLASSES * D and kept.given == ("label",)
    assert (lost.severity, pairs.severity) == ("ok", "ok")


def test_a_model_without_a_condition_is_compared_as_before():
    data = simulacra.from_tensors(*law(600, 0, False)[:1], Real((D,)), test=0.3)
    kept = kept_entries(simulacra.GaussianModel(data.space), data, n=200)
    assert kept.given == kept.grouped == ()
