"""Tabular with gaps: completions by enumeration, and the gradient of training on incomplete rows."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from mixed_rows import SPACES, THREE, TWO, codes_of, log_p_ensemble, numbered, rows, size
from oracles import chi_square
from orders import loud

from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.random.resampling import effective, kept, say_effective
from simulacra.models.autoregressive.tables import training as tabular_training
from simulacra.models.autoregressive.tables.tabular import Tabular, negative_log_likelihood


def small(space, gain: float = 1.5, **options) -> Tabular:
    """A model whose columns depend on each other."""
    return loud(Tabular(space, hidden=(5,), dropout=0.0, **{"orders": 1, **options}), gain).eval()


def conditional(space, log_joint: np.ndarray, row: int, known: tuple[bool, ...]) -> np.ndarray:
    """p(x | what is known of the row) over all rows: the joint where the known columns agree."""
    cells = np.array(list(itertools.product(*(range(size(column)) for _, column in space.fields))))
    agree = (cells == cells[row])[:, list(known)].all(1)
    masses = np.where(agree, np.exp(log_joint), 0)
    return masses / masses.sum()


PATTERNS = [
    ("two", (False, True)),  # what is missing comes first
    ("two", (True, False)),
    ("three", (False, True, True)),
    ("three", (True, False, True)),  # in the middle
    ("three", (True, True, False)),
    ("three", (False, True, False)),  # two, which hang together
    ("three", (True, False, False)),
]


@pytest.mark.system("H6", "H12", "H19")
@pytest.mark.parametrize("orders", [1, 3])
@pytest.mark.parametrize(("name", "known"), PATTERNS)
def test_completions_are_drawn_from_the_conditional_by_enumeration(float64, name, known, orders):
    space, n = SPACES[name], 1300
    model = small(space, orders=orders, candidates=450)
    x = rows(space)
    row = len(x) // 2
    masses = conditional(space, log_p_ensemble(model), row, known)
    done = model.complete(x[row].expand(n, -1), torch.tensor(known), seed=5)
    mask = torch.tensor(known).expand(n, -1)
    assert torch.equal(done[mask], x[row].expand(n, -1)[mask])
    numbers = numbered(space, codes_of(space, done))
    assert chi_square(numbers, masses) > 1e-3
    # the marginal of the missing columns, which ignores what is known, is another
    sizes, there = [size(column) for _, column in space.fields], [j for j, k in enumerate(known) if k]
    blind = np.exp(log_p_ensemble(model)).reshape(sizes).sum(tuple(there)).ravel()
    assert abs(masses.reshape(sizes).sum(tuple(there)).ravel() - blind).max() > 0.01


@pytest.mark.system("H6", "H19")
def test_each_row_has_gaps_of_its_own_and_its_draw_does_not_depend_on_the_batch(float64):
    model, x = small(THREE, candidates=20), rows(THREE)
    known = torch.tensor(list(itertools.product([True, False], repeat=3)))
    known = known.repeat(3, 1)
    x = x[:24]
    with torch.no_grad():
        whole = model.fill(x, known, Rng(2, rows=range(24)))
        part = model.fill(x[5:9], known[5:9], Rng(2, rows=range(5, 9)))
        gone = model.fill(torch.where(known, x, torch.nan), known, Rng(2, rows=range(24)))
    assert torch.equal(whole[known], x[known])
    torch.testing.assert_close(part, whole[5:9])
    torch.testing.assert_close(gone, whole, rtol=0, atol=0)


@pytest.mark.system("H6", "H19")
def test_a_row_whose_gaps_need_no_candidates_does_not_depend_on_rows_whose_gaps_do(float64):
    model, x = small(THREE, candidates=20), rows(THREE).repeat(3, 1)
    known = torch.tensor([[True, False, False]]).repeat(len(x), 1)
    known[50:] = torch.tensor([False, True, True])
    with torch.no_grad():
        whole = model.fill(x, known, Rng(2, rows=range(len(x))))
        alone = model.fill(x[:50], known[:50], Rng(2, rows=range(50)))
    assert model.marginalizes(known[:50]) and not model.marginalizes(known)
    torch.testing.assert_close(alone, whole[:50])


def test_a_candidate_is_kept_by_its_weight(float64):
    log_w = torch.tensor([[0.3, -1.0, 2.0, -torch.inf]]).expand(9000, 4)
    x = torch.arange(4.0).view(1, 4, 1).expand(9000, 4, 1)
    found = kept(x, log_w, Rng(1, rows=range(9000)))[:, 0]
    assert chi_square(found.numpy(), log_w[0].softmax(0).numpy()) > 1e-3
    w = np.exp([0.3, -1.0, 2.0, -np.inf])
    assert effective(log_w)[0].item() == pytest.approx(w.sum() ** 2 / (w**2).sum())


def test_few_candidates_are_said_and_equal_ones_are_not(float64, caplog):
    model, x = small(TWO, candidates=40), rows(TWO)
    with caplog.at_level("INFO", logger="simulacra"):
        model.complete(x, torch.tensor([True, False]))
        # rounding is no loss
        say_effective(effective(torch.full((3, 49), -0.3)), 49)
        assert not caplog.records
        model.complete(x, torch.tensor([False, True]))
    (record,) = caplog.records
    assert "of 40 count in the mean" in record.getMessage()


def gradients(model: Tabular, loss: torch.Tensor) -> torch.Tensor:
    found = torch.autograd.grad(loss, list(model.parameters()))
    return torch.cat([g.flatten() for g in found])


@pytest.mark.system("H6")
@pytest.mark.parametrize(("known", "orders"), [((False, True), 1), ((False, True), 2), ((True, False), 1)])
def test_the_gradient_with_gaps_is_that_of_the_marginal(float64, monkeypatch, known, orders):
    """Fisher: grad log p(x_known) = E grad log p(x), x_missing given x_known; for each order."""
    monkeypatch.setattr(tabular_training, "GUESSES", 1000)
    model, x = small(TWO, orders=orders), rows(TWO)[[1, 5, 6]]
    mask = torch.tensor(known).expand(3, 2)
    # the marginals, each order on its own: log sum over the missing column's values
    gone, due = known.index(False), 0
    for net in model.nets:
        columns = []
        for value in rows(TWO)[:, gone].unique():
            filled = torch.where(mask, x, value)
            columns.append(model.heads.entries(net(model.sight.of(filled, None, model.dtype)), filled).sum(1))
        assert len(columns) == 3
        due = due - torch.stack(columns).logsumexp(0).mean() / orders
    exact = gradients(model, due)
    n, seen = 60, []
    for seed in range(30):
        batch = Batch.of(x.repeat(n // 3, 1), known=mask.repeat(n // 3, 1))
        terms = negative_log_likelihood(model, batch, Rng(seed, rows=range(n)))
        seen.append(gradients(model, terms.loss["nll"].mean()))
    seen = torch.stack(seen)
    # along random directions, in standard errors from the seeds
    directions = torch.randn(len(exact), 12)
    off = (seen - exact) @ directions
    error = off.std(0) / len(seen) ** 0.5
    assert (off.mean(0).abs() < 4.5 * error + 1e-12).all()
    # rows completed without regard to what is known would be off
    if known == (False, True):
        monkeypatch.setattr(tabular_training, "GUESSES", 1)
        losses = (negative_log_likelihood(model, batch, Rng(s, rows=range(n))).loss["nll"] for s in range(30))
        blind = torch.stack([gradients(model, loss.mean()) for loss in losses])
        assert ((blind.mean(0) - exact) @ directions).abs().max() > 10 * error.max()
