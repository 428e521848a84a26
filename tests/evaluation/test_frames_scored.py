"""Scores of frames and solids: the last frame as reference, the sharpness difference, IoU of answers."""

from __future__ import annotations

import math

import pytest
import torch

import simulacra
from simulacra import Binary, Levels
from simulacra.evaluation.pairs.paired import paired
from simulacra.evaluation.pairs.references import references_of
from simulacra.evaluation.pairs.row_scores import row_scores_of, sharpness
from simulacra.evaluation.pairs.translated import translated


@pytest.mark.system("G26")
def test_sharpness_by_hand():
    x = torch.zeros(1, 1, 3, 3)
    x[0, 0, 1, 1] = 0.5
    # |dx| of the four inner places: 1/2 + 1/2, 1/2 beside it, 1/2 below it, 0
    assert sharpness(torch.zeros_like(x), x).item() == pytest.approx(-10 * math.log10((1 + 0.5 + 0.5) / 4))
    assert sharpness(x + 0.25, x).item() == math.inf


@pytest.mark.system("G26")
def test_frames_stand_beside_the_last_frame():
    data = simulacra.load_data("moving-digits", condition="past:2", limit=60)
    assert [one.name for one in references_of(data)] == ["the last frame", "the mean"]
    c = data.test.c
    assert torch.equal(references_of(data)[0].answer(c), c[:, 1:])
    assert [one.name for one in row_scores_of(data, "test")] == ["PSNR", "SSIM", "L1", "sharpness"]
    # a model that repeats the last frame gains nothing over it
    net = simulacra.NextFrameGAN(data.space, data.condition, channels=2, blocks=1)
    found = paired(translated(net, data), data)
    assert found.best == "the last frame" and found.gain.value == 0


@pytest.mark.system("G27")
def test_answers_are_scored_by_their_overlap_with_the_true_solid():
    x = torch.randint(0, 2, (40, 1, 3, 4, 3), dtype=torch.uint8)
    seen = (85 * x.sum(2)).to(torch.uint8)
    data = simulacra.from_tensors(x, Binary((1, 3, 4, 3)), c=seen, condition=Levels((1, 4, 3), 256))
    scores = row_scores_of(data, "test")
    assert scores[0].name == "IoU"
    assert scores[0].of(x, x).tolist() == [1.0] * 40
