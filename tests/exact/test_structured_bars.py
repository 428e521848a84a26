"""Noisy bars to clean ones: outputs that depend on each other, beside a logistic regression of each pixel."""

from __future__ import annotations

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

import simulacra
from simulacra.api import fit
from simulacra.core.capabilities.mappings import Translates
from simulacra.core.capabilities.narrowing import able
from simulacra.core.capabilities.paired import draws_pairs
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary
from simulacra.data.sources.tensors import from_tensors

SIDE, SPACE = 5, Binary((1, 5, 5))


def bars(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Pictures of whole columns or whole rows, each beside the same with a tenth of the pixels flipped."""
    g = torch.Generator().manual_seed(seed)
    upright = torch.rand(n, 1, 1, generator=g) < 0.5
    on = torch.rand(n, SIDE, generator=g) < 0.35
    columns, rows = (on.unsqueeze(k).expand(-1, SIDE, SIDE) for k in (1, 2))
    x = torch.where(upright, columns, rows)
    noise = torch.rand(n, SIDE, SIDE, generator=g) < 0.1
    return x.unsqueeze(1).to(torch.uint8), (x ^ noise).unsqueeze(1).to(torch.uint8)


def error(made: Tensor, truth: Tensor) -> float:
    """The share of pixels that differ."""
    return float((made != truth).double().mean())


LEARNERS = {
    "percloss": (14, 0.9, {"gibbs_steps": 3, "margin": 2.0, "lr": 0.1}),
    "candidates": (3, 0.8, {"candidates": 40, "memory": 2000, "lr": 0.2}),
}  # passes, largest share of the errors of the regression, options


@pytest.mark.parametrize(
    "estimator", ["percloss", pytest.param("candidates", marks=pytest.mark.system("A20"))]
)
def test_it_cleans_bars_better_than_a_regression_of_each_pixel(tmp_path, estimator):
    passes, share, options = LEARNERS[estimator]
    (x, c), (truth, noisy) = bars(3000, 0), bars(1000, 1)
    data = from_tensors(x, SPACE, "bars", c=c, condition=SPACE, valid=0.0, test=0.0)
    torch.manual_seed(0)
    model = simulacra.StructuredCRBM(SPACE, SPACE, 20, estimator, momentum=0.9, **options)
    own = {"batch_size": 50, "schedule": "linear", "progress": False, "doctor": False}
    run = fit(model, data, out=tmp_path, epochs=passes, **own)
    made = run.model.translate(noisy)
    u = c.flatten(1).numpy()
    each = [LogisticRegression(max_iter=50).fit(u, x.flatten(1)[:, i]) for i in range(SIDE**2)]
    alone = torch.stack([torch.tensor(one.predict(noisy.flatten(1))) for one in each], 1)
    assert error(made, truth) < share * error(alone.view_as(truth), truth) < 0.5 * error(noisy, truth)
    # an answer, not a draw: it is the same for every seed
    assert torch.equal(made, run.model.translate(noisy, seed=5)) and draws_pairs(run.model)
    answer = run.model.answer(noisy[:9].float(), Rng(0))
    assert torch.equal(able(run.model, Translates).carry(noisy[:9].float(), Rng(3)), answer)
    again = simulacra.load(tmp_path)
    assert torch.equal(again.translate(noisy[:9]), made[:9])
