"""The codebook of a VQ-VAE: its running sums by hand, over parts of a batch, and its unused entries."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

import simulacra
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.variational.quantized.codebook import Codebook, perplexity
from simulacra.models.variational.quantized.vq_vae import codebook_from_data

PLAIN = {"restart": 0.0}


def parts(book: Codebook, z: Tensor, cuts: list[int], seed: int = 0) -> dict[str, Tensor]:
    """The sums of a batch, added over its parts, as the trainer adds them."""
    total: dict[str, Tensor] = {}
    for start, stop in pairwise(cuts):
        here, rows = z[start:stop], range(start, stop)
        found = book.sums(here, book.nearest(here), Rng(seed, rows=rows), rows)
        total = {name: total.get(name, 0) + value for name, value in found.items()}
    return total


@pytest.mark.system("E14")
def test_it_moves_by_the_equations(float64):
    """Three steps, a row and an entry at a time."""
    book, N, m = Codebook(5, 3, 0.7, **PLAIN), np.ones(5), None
    m = book.m.numpy().copy()
    for step in range(3):
        z, e = torch.randn(7, 2, 3), book.e.numpy().copy()
        n, s = np.zeros(5), np.zeros((5, 3))
        for vector in z.reshape(-1, 3).numpy():
            k = ((vector - e) ** 2).sum(1).argmin()
            n[k] += 1
            s[k] += vector
        N, m = 0.7 * N + 0.3 * n, 0.7 * m + 0.3 * s
        book.follow(parts(book, z, [0, 7], step))
        np.testing.assert_allclose(book.N.numpy(), N, rtol=1e-12)
        np.testing.assert_allclose(book.e.numpy(), m / N[:, None], rtol=1e-12)
    assert float(book.rows) == 7


@pytest.mark.system("E14")
def test_parts_of_a_batch_add_up_to_the_whole(float64):
    book, z = Codebook(11, 3, restart=0.5), torch.randn(13, 4, 3)
    book.rows.fill_(13.0)
    whole = parts(book, z, [0, 13])
    for cuts in ([0, 6, 13], [0, 1, 5, 13]):
        for name, value in parts(book, z, cuts).items():
            torch.testing.assert_close(value, whole[name], rtol=1e-12, atol=1e-12)
    # one encoding of the batch for each entry, and not always the same
    assert whole["proposed"].tolist() == [1] * 11
    flat = z.reshape(-1, 3)
    places = [int((flat == p).all(1).nonzero()) for p in whole["proposals"]]
    assert len(set(places)) > 5
    assert not torch.equal(whole["proposals"], parts(book, z, [0, 13], seed=1)["proposals"])


@pytest.mark.system("E14")
def test_entries_that_nothing_uses_move_to_encodings(float64):
    book, z = Codebook(4, 2, 0.5, restart=0.3), torch.randn(9, 3, 2)
    book.begin(torch.tensor([[0.0, 0.0], [50.0, 0.0], [0.0, 60.0], [1.0, 1.0]]))
    book.N.copy_(torch.tensor([5.0, 0.2, 3.0, 9.0]))
    book.m.copy_(book.e * book.N.unsqueeze(1))
    # without a batch before there are no proposals, so nothing moves that far
    sums = parts(book, z, [0, 9])
    assert not bool(sums["proposed"].any())
    book.follow(sums)
    assert book.e[1].tolist() == [50.0, 0.0] and book.e[2].tolist() == [0.0, 60.0]
    sums = parts(book, z, [0, 9])
    used = 0.5 * book.N + 0.5 * sums["n"]
    moved = used < 0.3 * used.mean()
    assert moved.tolist() == [False, True, True, False]
    book.follow(sums)
    torch.testing.assert_close(book.e[moved], sums["proposals"][moved])
    torch.testing.assert_close(book.N, torch.where(moved, used.mean(), used))
    torch.testing.assert_close(book.m, book.e * book.N.unsqueeze(1))


def test_without_restarts_entries_stay_where_they_are(float64):
    book = Codebook(2, 1, 0.01, **PLAIN)
    book.begin(torch.tensor([[0.0], [9.0]]))
    z = torch.full((5, 1, 1), 0.25)
    assert set(parts(book, z, [0, 5])) == {"n", "s", "rows"}
    for step in range(200):
        book.follow(parts(book, z, [0, 5], step))
    assert book.N[1] == 0 and book.e[:, 0].tolist() == pytest.approx([0.25, 9.0], abs=1e-9)


def test_perplexity_counts_what_is_used():
    book = Codebook(5, 2)
    use = book.use(torch.tensor([[0, 1, 0, 1], [3, 3, 4, 4]]))
    assert use.tolist() == [0.25, 0.25, 0, 0.25, 0.25] and perplexity(use) == pytest.approx(4)
    assert perplexity(book.use(torch.zeros(3, 2).long())) == pytest.approx(1)


def test_it_begins_at_encodings_of_training_rows(float64):
    data = from_tensors(torch.randn(41, 5), Real((5,)), "rows")
    model = simulacra.VQVAE(data.space, codebook=7, latent=2, codes=3, hidden=(4,))
    with torch.no_grad():
        codebook_from_data(model, data.train, Rng(0))
        z = model.encodings(data.train.rows(torch.arange(len(data.train))).x).flatten(0, 1)
    distances = (model.codebook.e.unsqueeze(1) - z).abs().sum(2)
    assert float(distances.min(1).values.max()) < 1e-12 and len(set(distances.argmin(1).tolist())) == 7


def test_a_codebook_that_collapsed_is_told():
    model = simulacra.VQVAE(Real((3,)), codebook=40, latent=2, codes=2, hidden=(4,))
    told = model.alarm({"perplexity": 1.0, "used": 1 / 40})
    assert told.startswith("codebook collapse: held-out rows use 1 of 40")
    assert model.alarm({"perplexity": 20.0, "used": 0.8}) is None


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_sums_of_encodings_in_low_precision_are_those_of_the_codebook(dtype):
    """Counts of bfloat16 stop at 256, so that means of many encodings would be wrong."""
    book = Codebook(2, 1, decay=0.0, restart=0.0)
    book.begin(torch.tensor([[0.25], [9.0]]))
    z = torch.full((1000, 1, 1), 0.3).to(dtype)
    with torch.autocast("cpu", torch.bfloat16):
        k = book.nearest(z)
        sums = book.sums(z, k, Rng(0, rows=range(1000)), range(1000))
    book.follow(sums)
    assert float(sums["n"][0]) == 1000 and not k.any()
    assert float(book.e[0, 0]) == pytest.approx(float(z[0, 0, 0]), rel=1e-6)
