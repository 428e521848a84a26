"""Scores, check and picture of models that predict numbers."""

from __future__ import annotations

import math
import re

import pytest
import torch
from torch import Tensor

import simulacra
from simulacra import Model, Predicts, Real, Table, from_tensors
from simulacra.core.batch import Batch
from simulacra.core.scores.predictions import Answers, answers
from simulacra.evaluation.doctor.checks.predictions import worse_than_mean
from simulacra.evaluation.measures.measure import Case, Evidence
from simulacra.evaluation.measures.registry import PREDICTION, evidence_of
from simulacra.evaluation.tasks.prediction import prediction, prediction_rows
from simulacra.exploration.pictures.registry import PICTURES, album_of

pytestmark = pytest.mark.system("E24")


class Sums(Model, Predicts):
    """Predicts the sum of the entries times a slope, in standardized units.

    Args:
        space: space of one observation.
        condition: space of the predicted number.
        slope: 1 for the truth of `numbers`.
    """

    def __init__(self, space, condition=None, slope: float = 1.0):
        super().__init__(space, condition)
        self.slope = slope

    def response(self, x: Tensor) -> Tensor:
        """The sum of x times the slope over the root of their number, shape (B, *)."""
        y = self.slope * x.sum(1) / math.sqrt(self.space.dims)
        return y.unsqueeze(1).expand(-1, self.condition.dims).reshape(len(x), *self.condition.shape)


def numbers(n: int = 120, shape=(), noise: float = 0.3, **more):
    """Rows, and 1e4 plus 70 times their standardized sum with noise, in each column of the condition."""
    g = torch.Generator().manual_seed(3)
    x = torch.randn(n, 5, generator=g)
    y = x.sum(1, keepdim=True) / math.sqrt(5) + noise * torch.randn(n, math.prod(shape), generator=g)
    return from_tensors(x, Real((5,)), c=(1e4 + 70 * y.double()).reshape(n, *shape), **more)


def model_of(data, slope: float = 1.0) -> Sums:
    model = Sums(data.space, data.condition, slope)
    model.preprocessing, model.conditioning = data.preprocessing, data.conditioning
    return model


def test_mae_and_r2_of_a_table_of_numbers_by_hand():
    truth = torch.tensor([[1.0, 5.0], [2.0, 5.0], [6.0, 5.0]], dtype=torch.float64)
    predicted = torch.tensor([[2.0, 5.5], [2.0, 4.5], [4.0, 5.0]], dtype=torch.float64)
    found = Answers(("a", "b"), truth, predicted)
    assert found.errors.mean(0).tolist() == [1.0, pytest.approx(1 / 3)]
    # squared errors 1 + 0 + 4 of a spread 4 + 1 + 9 about the mean 3
    assert found.explained[0] == pytest.approx(1 - 5 / 14) and math.isnan(found.explained[1])


def test_scores_are_in_the_units_of_the_data_beside_the_mean_of_training_rows():
    data = numbers(shape=(2,))
    found = prediction(model_of(data), data)
    y, x = data.test.c.double(), data.test.x.double()
    mean, deviation = data.train.c.double().mean(0), data.train.c.double().std(0, correction=0)
    f = mean + deviation * x.sum(1, keepdim=True) / math.sqrt(5)
    assert found.rows == len(y) == 12
    for j, one in enumerate(found.columns):
        error, trivial = (y - f)[:, j].abs(), (y - mean)[:, j].abs()
        assert one.error.value == pytest.approx(float(error.mean()), rel=1e-5)
        assert one.trivial.value == pytest.approx(float(trivial.mean()), rel=1e-6)
        assert one.gain.value == pytest.approx(float((trivial - error).mean()), rel=1e-4)
        assert one.gain.error == pytest.approx(float((trivial - error).std() / math.sqrt(12)), rel=1e-4)
        left, spread = (y - f)[:, j].square().sum(), (y - y.mean(0))[:, j].square().sum()
        assert one.explained == pytest.approx(float(1 - left / spread), rel=1e-4)
    assert prediction_rows(found)[1][0] == "prediction of condition 2"
    assert re.match(r"MAE \d+\.?\d* \(.*\), by the mean \d", prediction_rows(found)[0][1])


def test_rows_without_numbers_are_not_scored():
    known = torch.arange(120) % 3 != 0
    data = numbers(c_known=known)
    found = prediction(model_of(data), data)
    assert found.rows == int(data.test.c_known.sum()) < len(data.test)
    none = Batch.of(data.test.x, data.test.c, c_known=torch.zeros(12, dtype=torch.bool))
    assert answers(model_of(data), none) is None


def test_columns_have_the_names_of_the_condition():
    fields = Table({"logP": Real(()), "weight": Real(())})
    g = torch.Generator().manual_seed(1)
    rows = {"logP": torch.randn(60, generator=g).numpy(), "weight": torch.randn(60, generator=g).numpy()}
    data = from_tensors(torch.randn(60, 5, generator=g), Real((5,)), c=rows, condition=fields)
    assert [one.name for one in prediction(model_of(data), data).columns] == ["logP", "weight"]


def finding(model, data):
    return worse_than_mean(evidence_of((PREDICTION,), Case(model, data)))


def test_the_doctor_warns_of_predictions_that_are_worse_than_the_mean():
    data = numbers(800)
    sick = finding(model_of(data, -1.0), data)
    assert sick.severity == "warning" and sick.name == "prediction" and "more epochs" in sick.suggestion
    assert "condition of 80 rows: MAE" in sick.measured
    healthy = finding(model_of(data), data)
    assert healthy.severity == "ok" and healthy.meaning == "it predicts"
    assert finding(model_of(numbers(30)), numbers(30)).severity == "unknown"
    assert worse_than_mean(Evidence()) is None


def test_the_report_and_the_comparison_have_it():
    data = numbers()
    report = simulacra.evaluate(model_of(data), data)
    assert report.prediction.columns[0].error.value < report.prediction.columns[0].trivial.value
    assert "prediction of condition" in str(dict(report.rows()))
    text = str(simulacra.compare(a=report, b=report))
    assert "absolute error" in text and "the mean" in text


def test_the_picture_shows_truth_and_prediction():
    data = numbers(shape=(2,))
    album = album_of(model_of(data), data, 0, [])
    (kind,) = (kind for kind in PICTURES if kind.name == "predictions")
    assert not kind.lacks(album) and kind.private(album)
    picture = kind.draw(album)
    assert [panel.title for panel in picture.panels] == ["condition 1", "condition 2"]
    diagonal, points = picture.panels[0].marks
    assert points.x.tolist() == data.test.c[:, 0].tolist() and diagonal.x.tolist() == diagonal.y.tolist()
    assert kind.lacks(album_of(simulacra.PCA(data.space, latent=2), data, 0, [])) == "a model that predicts"
