"""The stacked denoising autoencoder: clean codes below, noise in the input of each layer (D7)."""

from __future__ import annotations

import pytest
import torch

from simulacra.core.batch import Batch
from simulacra.core.capabilities import general as can
from simulacra.core.corruption.parse import parse
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.models.autoencoders import StackedAutoencoder

NOISES = ("salt:0.3", "gaussian:0.5", "mask:0.4")


def stage_loss(model, i: int, x: torch.Tensor) -> torch.Tensor:
    """The loss of stage i as training sees it: its view, then its update."""
    rng = Rng(0, "loop", i, rows=range(len(x)))
    stage, batch = model.stage(i, []), Batch.of(x)
    batch = batch if stage.view is None else stage.view(model, batch, rng.at("view"))
    return stage.updates[0].loss(model, batch, rng).loss["reconstruction"].detach()


def noisy(text: str, x: torch.Tensor, i: int, space) -> torch.Tensor:
    """x with the noise of stage i."""
    return parse(text).apply(x, Rng(0, "loop", i, rows=range(len(x))), space)


@pytest.mark.system("D7")
def test_each_layer_rebuilds_clean_codes_from_corrupted_ones(float64):
    space, x = Levels((6,), 17), torch.randint(0, 17, (50, 6))
    model = StackedAutoencoder(space, layers=(5, 4, 3), corruption=NOISES)
    with torch.no_grad():
        h = [x.double() / 16]
        for layer in model.up:
            h.append(layer(h[-1]))
        seen = [noisy(NOISES[0], x, 0, space).double() / 16]
        seen += [noisy(NOISES[i], h[i], i, Real((h[i].shape[1],))) for i in (1, 2)]
        for i in range(3):
            assert not torch.equal(seen[i], h[i])
            expected = (h[i] - model.down[i](model.up[i](seen[i]))).square().sum(1)
            torch.testing.assert_close(stage_loss(model, i, x), expected)
            torch.testing.assert_close(stage_loss(model, i, x[:3]), expected[:3])


@pytest.mark.system("D7")
def test_fine_tuning_rebuilds_the_rows_from_corrupted_ones(float64):
    space, x = Binary((6,)), torch.randint(0, 2, (50, 6))
    model = StackedAutoencoder(space, layers=(5, 3), corruption="mask:0.4")
    back = model.reconstruct(noisy("mask:0.4", x, 2, space))
    torch.testing.assert_close(stage_loss(model, 2, x), (x - back).square().sum(1))
    whole = model.reconstruct(x)
    with torch.no_grad():
        torch.testing.assert_close(model.clean(x, Rng(0)), whole)
        torch.testing.assert_close(model.clean(x, Rng(0), level=0.1), 0.75 * x + 0.25 * whole)
    # the answers of the word are 0 or 1
    assert torch.equal(model.denoise(x).double(), whole.round().clamp(0, 1))


@pytest.mark.system("D7")
def test_corruptions_follow_the_layers(float64):
    space, x = Real((6,)), torch.randn(20, 6)
    plain = StackedAutoencoder(space, layers=(5, 3))
    above = StackedAutoencoder(space, layers=(5, 3), corruption=("none", "mask"))
    assert not plain.supports(can.Denoises) and not above.supports(can.Denoises)
    for i, same in ((0, True), (1, False), (2, True)):
        assert torch.equal(stage_loss(plain, i, x), stage_loss(above, i, x)) == same
    with pytest.raises(
        ValueError, match="corruption has 1 entries, but there are 2 layers: give one for each"
    ):
        StackedAutoencoder(space, layers=(5, 3), corruption=("mask",))
    with pytest.raises(ValueError, match=r"corruption 'salt:0.2' needs .* the space is Real\(shape=\(5,\)"):
        StackedAutoencoder(Binary((6,)), layers=(5, 3), corruption="salt")
