"""The Gaussian copula: rectangle probabilities by scipy, draws, completions and the closed form."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from mixed_rows import Rows, codes, codes_of, numbered, rows, size
from oracles import chi_square
from scipy.stats import multivariate_normal, norm

from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.numeric import Scores
from simulacra.core.spaces.plain import Binary, Real
from simulacra.models.autoencoders.gaussian_copula import GaussianCopula, solve

TWO = Table(a=Scores(edges=(-0.7, 0.1, 1.2)), b=Binary())
THREE = Table(a=Scores(edges=(-0.7, 0.9)), b=Ordinal((), 3), c=Scores(edges=(0.2,)))
R = {
    2: np.array([[1, 0.8], [0.8, 1]]),
    3: np.array([[1, 0.6, -0.5], [0.6, 1, -0.2], [-0.5, -0.2, 1]]),
}


def model_of(space: Table, matrix: np.ndarray | None = None, **options) -> GaussianCopula:
    model = GaussianCopula(space, **options)
    model.R.copy_(torch.tensor(R[model.space.dims] if matrix is None else matrix))
    # cells of classes that are not as large as each other
    for j, (_, column) in enumerate(space.fields):
        if not isinstance(column, Scores):
            n = size(column)
            model.ends[j, 1:n] = torch.linspace(-0.3, 0.8, n - 1)
    return model


def boxes(model: GaussianCopula) -> np.ndarray:
    """P of every row by equation (2), from scipy's distribution function."""
    found = []
    for row in codes(model.space):
        a = [model.ends[j, k].item() for j, k in enumerate(row)]
        b = [model.ends[j, k + 1].item() for j, k in enumerate(row)]
        law = multivariate_normal(np.zeros(len(row)), model.R.numpy(), maxpts=400000, abseps=1e-8, seed=1)
        found.append(law.cdf(np.clip(b, -12, 12), lower_limit=np.clip(a, -12, 12)))
    return np.array(found)


SPACES = pytest.mark.parametrize("space", [TWO, THREE], ids=["two", "three"])


@pytest.mark.system("D2")
@SPACES
def test_the_weights_have_the_mean_of_the_rectangle_probabilities(float64, space):
    model, k = model_of(space), 20000
    x, due = rows(space), boxes(model)
    assert due.sum() == pytest.approx(1, abs=1e-6)
    w = model.log_weights(x, None, Rng(1, rows=range(len(x))), k).exp()
    error = w.std(1).numpy() / k**0.5
    assert (abs(w.mean(1).numpy() - due) < 4.5 * error + 1e-6).all()
    assert (error < 0.02 * due).all()
    # the sum over all rows is one
    total = (error**2).sum() ** 0.5
    assert w.mean(1).sum().item() == pytest.approx(1, abs=4.5 * total)
    # a bound, and the same noise in any batch
    part = model.log_weights(x[2:5], None, Rng(1, rows=range(2, 5)), k).exp()
    torch.testing.assert_close(part, w[2:5])
    found = model.log_prob(x, k=2000)
    assert found.kind == "lower" and found.values.numpy() == pytest.approx(np.log(due), abs=0.05)


@pytest.mark.system("D2")
def test_what_is_missing_drops_out(float64):
    model, x = model_of(THREE), rows(THREE)
    sizes = [size(column) for _, column in THREE.fields]
    box, k = boxes(model).reshape(sizes), 8000
    for known in itertools.product([True, False], repeat=3):
        mask = torch.tensor(known).expand(len(x), 3)
        w = model.log_weights(x, None, Rng(2, rows=range(len(x))), k, mask).exp()
        gone = tuple(j for j, there in enumerate(known) if not there)
        due = np.broadcast_to(box.sum(gone, keepdims=True), sizes).ravel()
        error = w.std(1).numpy() / k**0.5
        assert (abs(w.mean(1).numpy() - due) < 4.5 * error + 2e-6).all()
        if sum(known) == 1:
            # one cell is its own mass: no noise
            assert w.std(1).max() < 1e-12
        if not any(known):
            assert not model.log_weights(x, None, Rng(0, rows=range(len(x))), 3, mask).any()


@pytest.mark.system("D2")
@SPACES
def test_draws_follow_the_rectangle_probabilities(float64, space):
    model = model_of(space)
    x = model.sample(9000, seed=2)
    assert chi_square(numbered(space, codes_of(space, x)), boxes(model)) > 1e-3


PATTERNS = [(TWO, (True, False)), (TWO, (False, True))]
PATTERNS += [(THREE, (True, False, True)), (THREE, (False, True, True)), (THREE, (False, True, False))]


@pytest.mark.system("D2", "H19")
@pytest.mark.parametrize(("space", "known"), PATTERNS)
def test_completions_are_drawn_from_the_conditional(float64, space, known):
    n, model = 1500, model_of(space, candidates=300)
    x, cells = rows(space), codes(space)
    row = 1
    masses = np.where((cells == cells[row])[:, list(known)].all(1), boxes(model), 0)
    done = model.complete(x[row].expand(n, -1), torch.tensor(known), seed=3)
    assert torch.equal(done[:, list(known)], x[row, list(known)].expand(n, -1))
    assert chi_square(numbered(space, codes_of(space, done)), masses / masses.sum()) > 1e-3


def test_completions_of_a_row_do_not_depend_on_the_batch(float64):
    model, x = model_of(THREE, candidates=9), rows(THREE)
    known = torch.rand(len(x), 3) < 0.5
    whole = model.fill(x, known, Rng(1, rows=range(len(x))))
    part = model.fill(x[4:7], known[4:7], Rng(1, rows=range(4, 7)))
    torch.testing.assert_close(part, whole[4:7])
    assert torch.equal(whole[known], x[known])


def test_far_cells_and_strong_correlations_stay_finite(float64):
    space = Table({f"c{j}": Scores(edges=(-8.0, 8.0)) for j in range(5)})
    model = model_of(space, np.full((5, 5), 0.999) + 0.001 * np.eye(5))
    x = torch.tensor([[-9.0, 9, -9, 9, -9], [9, 9, 9, 9, 9], [0, 0, 0, 0, 0]])
    w = model.log_weights(x, None, Rng(0, rows=range(3)), 50)
    assert w.isfinite().all() and (w <= 0).all()
    due = norm.logcdf(-8)
    assert due - 2 < w[1].logsumexp(0).item() - np.log(50) < due
    assert w[2].abs().max() < 1e-9
    known = torch.tensor([[True, True, False, False, False]]).expand(3, 5)
    assert model.fill(x, known, Rng(0, rows=range(3))).isfinite().all()


def normal_rows(n: int, matrix: np.ndarray, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).multivariate_normal(np.zeros(len(matrix)), matrix, n)


@pytest.mark.system("D2")
def test_the_closed_form_recovers_the_correlations(float64):
    """50,000 rows seen through cells: fifty of a number, four of a grade, two of a yes or no."""
    matrix = np.array([[1, 0.8, -0.6, 0.1], [0.8, 1, -0.4, 0.3], [-0.6, -0.4, 1, 0], [0.1, 0.3, 0, 1]])
    fine = tuple(norm.ppf(np.arange(1, 50) / 50))
    space = Table(a=Scores(edges=fine), b=Scores(edges=fine), c=Ordinal((), 4), d=Binary())
    z = normal_rows(50000, matrix, 1)
    x = torch.tensor(z)
    x[:, 2] = torch.tensor(np.searchsorted([-1.0, 0.2, 0.9], z[:, 2]))
    x[:, 3] = (x[:, 3] > 0.8).double()
    whole = GaussianCopula(space)
    solve(whole, Rows(x), Rng(0))
    parts = []
    for piece in x.split(5000):
        model = GaussianCopula(space)
        solve(model, Rows(piece), Rng(0))
        parts.append(model.R.clone())
    # standard errors from ten parts of the rows
    error = torch.stack(parts).std(0) / 10**0.5
    off = (whole.R - torch.tensor(matrix)).abs()
    assert (off < 4.5 * error + 1e-3).all() and error.max() < 0.012
    torch.testing.assert_close(whole.R.diagonal(), torch.ones(4))
    # cells of classes have their shares
    np.testing.assert_allclose(norm.cdf(whole.ends[2, 1:4]), norm.cdf([-1.0, 0.2, 0.9]), atol=0.01)
    assert norm.cdf(whole.ends[3, 1].item()) == pytest.approx(norm.cdf(0.8), abs=0.01)


@pytest.mark.system("D2")
def test_the_closed_form_leaves_out_what_is_missing(float64):
    fine = tuple(norm.ppf(np.arange(1, 20) / 20))
    space = Table(a=Scores(edges=fine), b=Binary(), c=Scores(edges=fine))
    z = torch.tensor(normal_rows(40000, R[3], 2))
    z[:, 1] = (z[:, 1] > 0).double()
    known = torch.rand(40000, 3) < 0.7
    model = GaussianCopula(space)
    solve(model, Rows(torch.where(known, z, 0.0), known), Rng(0))
    np.testing.assert_allclose(model.R, R[3], atol=4.5 * 1.6 / (0.49 * 40000) ** 0.5)


@pytest.mark.system("D2")
def test_rare_classes_that_never_meet_are_not_opposites(float64):
    """Two of four classes of 1 % hang together by 0.9, the others by nothing: read without bias."""
    matrix, pairs, others = np.eye(4), [], []
    matrix[0, 1] = matrix[1, 0] = 0.9
    for seed in range(20):
        model = GaussianCopula(Table({f"c{j}": Binary() for j in range(4)}))
        solve(model, Rows(torch.tensor(normal_rows(3000, matrix, seed) >= norm.isf(0.01)).double()), Rng(0))
        pairs.append(model.R[0, 1].item())
        others.append(model.R[2:, :].sum(1).sub(1).mean().item() / 3)
    error = np.std(others, ddof=1) / 20**0.5
    # by the root alone they are near -0.17
    assert abs(np.mean(others)) < 4 * error and error < 0.03
    assert np.mean(pairs) == pytest.approx(0.9, abs=0.05)


def test_classes_without_order_stand_by_their_shares_and_come_back(float64):
    space = Table(a=Categorical((), 4), b=Scores(edges=(0.0,)))
    shares, n = np.array([0.1, 0.5, 0.15, 0.25]), 20000
    rng = np.random.default_rng(3)
    x = torch.tensor(np.stack([rng.choice(4, n, p=shares), rng.normal(size=n)], 1))
    model = GaussianCopula(space)
    solve(model, Rows(x), Rng(0))
    assert model.places[0].tolist() == [3, 0, 2, 1]
    found = np.bincount(model.sample(20000, seed=1)[:, 0].long().numpy(), minlength=4) / 20000
    np.testing.assert_allclose(found, np.bincount(x[:, 0].long()) / n, atol=4.5 * 0.7 / n**0.5)
    mask = torch.tensor([[True, False]]).expand(4, 2)
    alone = model.log_weights(torch.tensor([[0.0, 0], [1, 0], [2, 0], [3, 0]]), None, Rng(0), 1, mask)
    counts = np.bincount(x[:, 0].long()) + 0.5
    np.testing.assert_allclose(alone[:, 0].exp(), counts / counts.sum(), atol=1e-9)


def test_columns_without_cells_are_refused():
    for space, said in ((Table(a=Binary(), b=Real()), "'b' is real"), (Real((3,)), "PPCA")):
        with pytest.raises(ValueError, match=said):
            GaussianCopula(space)
    with pytest.raises(ValueError, match="at least one"):
        GaussianCopula(TWO, candidates=0)
