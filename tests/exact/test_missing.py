"""What is missing is not seen: losses do not depend on what stands in its place."""

from __future__ import annotations

import pytest
import torch

import simulacra
from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary


@pytest.mark.parametrize("build", [simulacra.VAE, simulacra.IWAE])
@pytest.mark.parametrize("space", [Binary((5,)), Categorical((5,), 3)])
def test_losses_do_not_see_what_is_missing(float64, build, space):
    torch.manual_seed(2)
    model = build(space, latent=2, hidden=(7,))
    known = torch.rand(4, 5) < 0.6
    x, other = torch.randint(0, 2, (2, 4, 5))
    other = torch.where(known, x, other)
    assert not torch.equal(x, other)
    loss = model.updates()[0].loss
    a, b = (loss(model, Batch.of(v, known=known), Rng(0, rows=range(4))).loss for v in (x, other))
    for name in a:
        torch.testing.assert_close(a[name], b[name], rtol=0, atol=1e-12)
