"""Spectral hashing: bits by hand, and near vectors beside far ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from simulacra.core.numerics.hashing import differing_bits, spectral_hash


@pytest.mark.system("A20")
def test_bits_are_signs_of_the_slowest_waves_of_a_box(float64):
    """A box of sides 6 and 2: the rates pi k / side are 1/6, 2/6, 3/6 = 1/2 and 4/6 of pi."""
    a, b = torch.meshgrid(torch.linspace(0, 6, 25), torch.linspace(1, 3, 9), indexing="ij")
    turn = torch.tensor([[0.8, -0.6], [0.6, 0.8]])
    box = torch.stack([a.flatten(), b.flatten()], 1)
    found = spectral_hash(box @ turn, 5)
    pi, (x, y) = np.pi, box.T.numpy()
    waves = [np.cos(pi * k * x / 6) for k in (1, 2, 3, 4)] + [np.cos(pi * (y - 1) / 2)]
    codes = found.codes(box @ turn).numpy()
    rates = (found.weights.norm(dim=1) / pi).tolist()
    assert sorted(rates) == pytest.approx([1 / 6, 1 / 3, 1 / 2, 1 / 2, 2 / 3])
    columns = [codes[:, j] for j in range(5)]
    for wave in waves:
        clear = abs(wave) > 1e-9
        signs = [(wave > 0)[clear], (wave < 0)[clear]]  # a direction has no sign
        assert any((column[clear] == sign).all() for column in columns for sign in signs)


@pytest.mark.system("A20")
def test_near_vectors_share_more_bits_than_far_ones(float64):
    g = torch.Generator().manual_seed(3)
    u = torch.randn(300, 7, generator=g) * torch.linspace(2, 0.2, 7)
    hash_ = spectral_hash(u, 12)
    near = u + 0.05 * torch.randn(300, 7, generator=g)
    bits = differing_bits(hash_.codes(u), hash_.codes(near)).double()
    own, others = bits.diagonal(), bits.mean(1)
    assert own.mean() < 1.5 < 4 < others.mean()
    same = bits == 0  # collisions
    assert same.diagonal().double().mean() > 20 * same.double().mean()
    # over all pairs, more distant vectors differ in more bits
    distance = torch.cdist(u, near).flatten()
    order = distance.argsort()
    parts = [part.mean().item() for part in bits.flatten()[order].chunk(5)]
    assert parts[0] < parts[1] < parts[2] < parts[3]


@pytest.mark.system("A20")
def test_distances_are_counted_and_equal_rows_have_one_code(float64):
    codes = torch.rand(5, 9, generator=torch.Generator().manual_seed(1)) < 0.5
    others = torch.rand(3, 9, generator=torch.Generator().manual_seed(2)) < 0.5
    expected = [[int((a != b).sum()) for b in others] for a in codes]
    assert differing_bits(codes, others).tolist() == expected
    flat = spectral_hash(torch.full((4, 3), 2.5), 6).codes(torch.full((4, 3), 2.5))
    assert flat.all() and flat.shape == (4, 6)
    # one constant direction takes no bit
    u = torch.stack([torch.linspace(0, 1, 9), torch.full((9,), 7.0)], 1)
    assert (spectral_hash(u, 4).weights[:, 1].abs() < 1e-12).all()
