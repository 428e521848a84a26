"""A row has one score at one seed: alone, in any batch, order, chunk, type or process.

Tolerances are those of sums in another order: 1e-10 of the values in double precision, 1e-4 in single.
"""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import simulacra
from contract.cases import Case, named
from contract.choose import having, supports, where
from contract.harness import trained
from contract.test_raw import PREPARED
from contract.use import K, double, rows
from simulacra.core.capabilities import general as can
from simulacra.core.interface import evaluating
from simulacra.core.methods import rows as chunking
from simulacra.core.preprocessing.transforms import Binarize
from simulacra.core.random.keyed import Rng
from simulacra.core.scores.likelihood import observed
from simulacra.models.autoregressive.tables import tabular

pytestmark = pytest.mark.fault("scores 2.9")
N = 11
CLOSED = {"dbm", "multi-prediction-dbm", "mean-field-sbn"} | {
    "vq-vae",
    "vq-vae/conditional",
    "vq-vae/fields",
}  # their bounds draw nothing
estimated = having(can.HasBound)
single = {"atol": 1e-4, "rtol": 1e-5}
exact = {"atol": 1e-10, "rtol": 1e-10}


def gaps(case: Case, n: int = N) -> Tensor | None:
    """What is known of n rows, different for each and all of the first, where a model takes gaps."""
    if not supports(case.name, can.TakesMissing):
        return None
    known = Rng(2, "known", rows=range(n)).uniform("u", *case.data().test.x.shape[1:]) < 0.7
    known[0] = True
    return known


def scorer(model: Any, case: Case, seed: int = 0) -> Any:
    """Gives the scores of the rows whose numbers it is asked for."""
    (x, c), known = rows(case, N), gaps(case)

    def scores(*index: int) -> Tensor:
        at = torch.tensor(index)
        take = lambda t: None if t is None else t[at]
        return model.log_prob(x[at], take(c), K, seed, known=take(known)).values

    return scores


@estimated
def test_a_row_scores_the_same_alone_and_in_any_order(case):
    scores = scorer(double(case), case)
    whole = scores(*range(N))
    alone = torch.cat([scores(i) for i in range(N)])
    order = torch.randperm(N)
    torch.testing.assert_close(alone, whole, **exact)
    torch.testing.assert_close(scores(*order.tolist()), whole[order], **exact)
    halves = torch.cat([scores(*range(5)), scores(*range(5, N))])
    torch.testing.assert_close(halves, whole, **exact)


@estimated
def test_a_row_scores_the_same_in_single_precision(case):
    scores = scorer(trained(case), case)
    whole = scores(*range(N))
    torch.testing.assert_close(torch.cat([scores(i) for i in range(N)]), whole, **single)
    torch.testing.assert_close(scores(*range(N)[::-1]), whole.flip(0), **single)


@estimated
def test_six_copies_of_a_row_score_alike(case):
    scores = scorer(trained(case), case)
    for i in (0, 3):
        copies = scores(*[i] * 6)
        torch.testing.assert_close(copies, scores(i).expand(6), **single)


@estimated
def test_a_row_scores_the_same_in_chunks(case, monkeypatch):
    scores = scorer(double(case), case)
    whole = scores(*range(N))
    for chunk in (1, 4):
        monkeypatch.setattr(chunking, "CHUNK", chunk)
        torch.testing.assert_close(scores(*range(N)), whole, **exact)


@estimated
def test_another_seed_gives_another_score(case):
    """Where a bound draws: in every row with a gap, in every row of models without a density."""
    model = double(case)
    drawn = slice(1, N) if supports(case.name, can.HasDensity) else slice(0, N)
    if supports(case.name, can.HasDensity) and not supports(case.name, can.TakesMissing):
        pytest.skip("its scores are exact")
    first, other = (scorer(model, case, seed)(*range(N))[drawn] for seed in (0, 1))
    if case.name in CLOSED:
        torch.testing.assert_close(first, other, **exact)
    else:
        assert float((first - other).abs().max()) > 1e-6


def bounds(model: Any, case: Case, at: slice) -> Tensor:
    """`elbo` of some of the rows, by which training is validated."""
    part = lambda t: None if t is None else t[at]
    (x, c), known = rows(case, N), part(gaps(case))
    keyed = Rng(0, "validation").by_content(x[at], known)
    with evaluating(model):
        y, _ = model.preprocessing.forward(x[at], keyed, known)
        y = y.to(model.dtype) if y.is_floating_point() else y
        return model.elbo(y, part(c), keyed, **observed(known))


@estimated
def test_the_bound_of_training_is_of_the_row_alone(case):
    model = double(case)
    alone = torch.cat([bounds(model, case, slice(i, i + 1)) for i in range(N)])
    torch.testing.assert_close(alone, bounds(model, case, slice(0, N)), **exact)


def test_wide_tables_have_as_many_weights_in_any_batch(monkeypatch):
    """The work that a bound may take limits its samples by the row, not by the batch."""
    case = named("tabular/gaps")
    model = double(case)
    one = len(model.nets) * model.sight.width * len(model.columns) * model.hidden[0]
    monkeypatch.setattr(tabular, "WORK", 5.0 * one * N)
    some, whole = (bounds(model, case, at) for at in (slice(2, 4), slice(0, N)))
    torch.testing.assert_close(some, whole[2:4], **exact)


# ---- preprocessing that draws


@pytest.mark.parametrize("name", ["binarized", "dequantized"])
@pytest.mark.parametrize("word", ["log_prob", "encode", "reconstruct"])
def test_noise_of_preprocessing_belongs_to_the_row(name, word):
    model = PREPARED[name]()
    with torch.no_grad():
        for parameter in model.parameters():
            # as begun, a small network may answer the same to every row
            parameter.normal_(std=0.5)
    x = torch.randint(0, 256, (N, 1, 3, 5), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    ask = {
        "log_prob": lambda rows, seed=0: model.log_prob(rows, k=K, seed=seed).values,
        "encode": lambda rows, seed=0: model.encode(rows, seed=seed),
        "reconstruct": lambda rows, seed=0: model.reconstruct(rows, seed=seed),
    }[word]
    close = partial(torch.testing.assert_close, **single)
    whole, order = ask(x), torch.randperm(N)
    close(torch.cat([ask(x[i : i + 1]) for i in range(N)]), whole)
    close(ask(x[order]), whole[order])
    close(ask(x[2:3].repeat(6, 1, 1, 1)), whole[2:3].expand(6, *whole.shape[1:]))
    # whatever type holds the levels
    for other in (x.long(), x.float(), x.double(), x.numpy(), x.tolist()):
        close(ask(other), whole)
    assert float((ask(x, 1) - whole).abs().max()) > 1e-3


def test_static_binarization_of_new_rows_is_of_the_row_alone():
    """The step draws once by its seed: neither the place nor the seed of the score changes a bit."""
    x, step = torch.randint(0, 256, (N, 3, 5)), Binarize("static", seed=4)
    bits = step.forward(x, Rng(0, rows=range(N)))
    assert torch.equal(step.forward(x[4:], Rng(1, rows=range(N - 4))), bits[4:])
    assert not torch.equal(Binarize("static", seed=5).forward(x, Rng(0, rows=range(N))), bits)


# ---- what goes on drawing by place


@where(lambda case: case.name in ("vae", "rbm", "tabular", "gaussian-copula"))
def test_a_row_that_is_given_twice_is_completed_twice(case):
    model, (x, c) = trained(case), rows(case, 1)
    copies = x.repeat(40, *[1] * (x.dim() - 1))
    known = torch.zeros_like(x[0], dtype=torch.bool).flatten()
    known[0] = True
    drawn = model.complete(copies, known.reshape(x.shape[1:]), None if c is None else c.repeat(40))
    assert len(drawn.flatten(1).unique(dim=0)) > 1


def test_a_step_of_training_binarizes_anew():
    data = simulacra.load_data("digits", binarize="dynamic")
    index = torch.tensor([0, 0, 1])
    batches = [data.train.batch(index, Rng(0, "data", t).on(range(3))).x for t in (0, 1)]
    assert not torch.equal(*batches) and not torch.equal(batches[0][0], batches[0][1])
    scored = [data.train.scored(rows, Rng(0, "validation")).x for rows in (index, index[1:])]
    assert torch.equal(scored[0][0], scored[0][1]) and torch.equal(scored[0][1:], scored[1])


# ---- another process


ELSEWHERE = """
import sys, numpy as np, simulacra
folder, k = sys.argv[1], int(sys.argv[2])
for name in sys.argv[3:]:
    given = dict(np.load(f"{folder}/{name}.npz"))
    x, c, known = (given.get(part) for part in ("x", "c", "known"))
    back = lambda t: None if t is None else t[::-1].copy()
    model = simulacra.load(f"{folder}/{name}")
    scores = model.log_prob(back(x), back(c), k, known=back(known)).values.flip(0)
    np.save(f"{folder}/{name}.npy", scores.numpy())
"""
FAMILIES = ["vae", "vae/fields", "iwae", "hierarchical-vae", "tabular/gaps", "gaussian-copula/gaps", "dbn"]


def test_a_row_scores_the_same_in_another_process(tmp_path):
    """A model of each family with a bound, loaded elsewhere, where the rows come in reverse."""
    expected = {}
    for name in FAMILIES:
        case, plain = named(name), name.replace("/", "-")
        model, (x, c), known = trained(case), rows(case, N), gaps(case)
        parts = {key: t.numpy() for key, t in (("x", x), ("c", c), ("known", known)) if t is not None}
        np.savez(tmp_path / f"{plain}.npz", **parts)
        model.save(tmp_path / plain)
        expected[plain] = model.log_prob(x, c, K, known=known).values
    command = [sys.executable, "-c", ELSEWHERE, str(tmp_path), str(K), *expected]
    subprocess.run(command, check=True, capture_output=True, text=True)
    for plain, values in expected.items():
        found = torch.from_numpy(np.load(tmp_path / f"{plain}.npy"))
        torch.testing.assert_close(found, values, **single)
