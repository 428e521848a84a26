"""Agreement of pictures with their captions: a painter that reads them has what real pictures have."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

import simulacra
from simulacra.core.capabilities.general import Samples, TakesCondition
from simulacra.core.model import Model
from simulacra.core.spaces.tokens import Tokens
from simulacra.data.captions.shapes import CaptionedShapes
from simulacra.evaluation.captions.agreement import agreement, candidates, captioned
from simulacra.evaluation.captions.judge import trained_judge
from simulacra.evaluation.captions.wording import agreement_columns, agreement_rows, headline
from simulacra.evaluation.diagnostics.condition import condition_use
from simulacra.evaluation.doctor.checks.conditions import ignored
from simulacra.evaluation.measures.captions import AGREEMENT
from simulacra.evaluation.measures.checked import CONDITION, SETTING
from simulacra.evaluation.measures.measure import Case, Evidence
from simulacra.evaluation.measures.needs import CAPTIONED

pytestmark = [pytest.mark.system("G16"), pytest.mark.system("G17")]
SIDE, ROWS = 8, 600
TOY = CaptionedShapes(SIDE)


class Painter(Model, Samples, TakesCondition):
    """Paints what a caption says, or what that of another row says."""

    def __init__(self, space, condition, reads=True):
        super().__init__(space, condition)
        self.reads = reads

    def updates(self):
        return []

    def draw(self, rng, c=None, how=None, watch=None):
        texts = self.condition.texts(c)
        say = [TOLD[text] for text in (texts if self.reads else texts[1:] + texts[:1])]
        free = 2 * rng.uniform("free", 4, dtype=torch.float64) - 1
        return TOY._drawn(torch.tensor(say), free).to(self.dtype)


TOLD: dict[str, list[int]] = {}


@pytest.fixture(scope="module")
def data():
    x, factors = TOY.sample(ROWS, seed=1)
    texts = TOY.texts(factors)
    TOLD.update(zip(texts, factors.tolist()))
    names = ("<end>", "<unknown>", *sorted({word for text in texts for word in text.split()}))
    words = Tokens((9,), len(names), names, unknown=1, unit="words")
    made = simulacra.from_tensors(x, TOY.space, "shapes", c=words.rows(texts), condition=words)
    return replace(made, truth=TOY)


@pytest.fixture(scope="module")
def judge(data):
    return trained_judge(data)


def painter(data, **more):
    model = Painter(data.space, data.condition, **more)
    model.preprocessing, model.conditioning = data.preprocessing, data.conditioning
    return model


def test_a_painter_that_reads_has_the_scores_of_real_pictures(data, judge):
    found = agreement(painter(data), data, judge=judge)
    assert (found.rows, found.candidates) == (60, 10)
    assert found.real.value > 0.6 and found.search.high > found.real.value > found.search.low - 0.1
    scores = {one.name: one for one in found.attributes}
    assert set(scores) == {"size", "colour", "shape", "place"}
    assert scores["colour"].real.value > 0.9 < scores["place"].model.value
    assert all(one.rows == 60 for one in found.attributes)
    assert all(scores[name].model.low > scores[name].chance for name in ("size", "colour", "place"))


def test_a_painter_that_does_not_read_has_those_of_chance(data, judge):
    found = agreement(painter(data, reads=False), data, judge=judge)
    assert found.search.low < 0.2
    assert all(one.model.low < one.chance + 0.1 for one in found.attributes)


def test_searches_hold_their_own_caption_and_others():
    own = torch.arange(40) % 13
    among = candidates(own, 13, seed=3)
    assert among.sum(1).tolist() == [10] * 40 and among[torch.arange(40), own].all()
    assert len({tuple(row.tolist()) for row in among}) > 20
    assert candidates(own[:2], 4).all()  # fewer captions than ten: all of them


def test_the_doctor_names_the_painter_that_does_not_read(data):
    def finding(**more):
        model = painter(data, **more)
        found = condition_use(model, data)
        setting = SETTING.compute(Case(model, data), Evidence())
        return ignored(Evidence.of({CONDITION: found, SETTING: setting}))

    assert finding(reads=True).severity == "ok"
    bad = finding(reads=False)
    assert bad.severity == "warning" and bad.meaning == "the model ignores its condition"


def test_scores_in_words_and_in_a_table(data, judge):
    found = agreement(painter(data), data, judge=judge)
    lines = dict(agreement_rows(found))
    assert "find their caption among 10; real pictures" in lines["captions"]
    assert "chance" in lines["colour of captions"] and headline(found).endswith("among 10")
    assert AGREEMENT.recorded(found) == found
    (table,) = agreement_columns(found, SimpleNamespace(sampling="", digest="a1b2"))
    titles = [column.title for column in table.columns]
    assert titles == ["caption found", "size", "colour", "shape", "place"]
    assert table.beside == "real pictures" and len(table.reference) == len(titles) == len(table.cells)


def test_models_of_other_conditions_have_no_captions(data):
    other = simulacra.from_tensors(data.train.x, TOY.space, c=torch.zeros(len(data.train)).long())
    assert captioned(painter(data)) and not captioned(painter(other))
    assert CAPTIONED.met(Case(painter(data), data)) and not CAPTIONED.met(Case(painter(other), other))
    assert agreement(painter(data), data, limit=10) is None  # too few rows
